{
  const root = document.documentElement;
  root.classList.add("js");
  try { const kept = localStorage.getItem("hubkit-theme"); if (kept === "light" || kept === "dark") root.dataset.theme = kept; } catch { /* a page from a file may have no storage */ }
}
