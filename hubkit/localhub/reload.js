(() => {
  let seen = document.documentElement.dataset.state;
  const swap = async () => {
    const page = new DOMParser().parseFromString(await (await fetch("/-/page")).text(), "text/html");
    const open = [...document.querySelectorAll("article details")].map((one) => one.open);
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.querySelectorAll("article details").forEach((one, i) => { if (i < open.length) one.open = open[i]; });
    document.title = page.title;
  };
  setInterval(async () => {
    try {
      const state = await (await fetch("/-/state")).text();
      document.body.classList.remove("gone");
      if (seen !== state) { if (seen) await swap(); seen = state; }
    } catch { document.body.classList.add("gone"); }
  }, 700);
})();
