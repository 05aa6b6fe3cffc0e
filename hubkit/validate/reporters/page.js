"use strict";
// The page of a report: tables over the data that stands in the page. Nothing is fetched, and whatever comes out of a repository becomes text,
// never markup: the policy of the page forbids the other way (trusted-types 'none').
(() => {
  const FIRST = 100, NEXT = 500, PLACES = 20, PLOTS = 3, PAUSE = 80;
  const WORDS = ["error", "warning", "note"];
  // layer 2 before layer 11
  const NAMES = new Intl.Collator("en", { numeric: true });
  const SVG = "http://www.w3.org/2000/svg";
  let last = 0;
  const id = (kind) => `${kind}-${++last}`;
  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (typeof value === "function") node.addEventListener(name, value);
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false && one !== ""));
    return node;
  };
  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const read = (name) => { const block = document.getElementById(name); return block ? JSON.parse(block.textContent) : null; };
  const whole = (count) => count.toLocaleString("en-US");
  const many = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
  const short = (value) => value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(1) : String(+value.toPrecision(3));
  const percent = (share) => `${+(100 * share).toPrecision(3)} %`;
  // What stands between backticks is code.
  const prose = (text) => text.split(/`([^`\n]+)`/).map((part, i) => (i % 2 ? el("code", {}, part) : part));

  const docs = read("rules") || {};
  const status = el("p", { class: "sr", role: "status" });

  // ---- copying

  const command = (text) => {
    const button = el("button", { type: "button", "aria-label": `Copy: ${text}`, click: async () => {
      let done = true;
      try { await navigator.clipboard.writeText(text); } catch {
        getSelection().selectAllChildren(code);
        done = document.execCommand("copy");
      }
      button.textContent = done ? "copied" : "press Ctrl-C";
      status.textContent = done ? "copied" : "selected: press Ctrl-C";
      setTimeout(() => { button.textContent = "copy"; }, 1600);
    } }, "copy");
    const code = el("code", {}, text);
    return el("div", { class: "command" }, code, button);
  };

  // ---- a table that is sorted, opened row by row, and rendered as far as it is looked at

  const table = ({ caption, kind, columns, detail, first = FIRST }) => {
    let rows = [], shown = [], sorted = null, limit = first, drawn = 0;
    const opened = new Set();
    const body = el("tbody"), pager = el("div", { class: "pager" });
    const heads = columns.map((column) => el("th", { scope: "col", class: column.style, "aria-sort": "none" },
      el("button", { type: "button", class: column.style, click: () => sort(column) }, column.label)));
    const node = el("div", {}, el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
      el("table", { class: kind }, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body)), pager);
    // What a row opens is as wide as what is seen of the table, which may be wider. (A container query says the same, and lays 5,000 rows out three times.)
    new ResizeObserver(([box]) => node.style.setProperty("--room", `${box.contentRect.width}px`)).observe(node);
    const sort = (column) => {
      const begins = column.numeric ? "descending" : "ascending", other = column.numeric ? "ascending" : "descending";
      const way = sorted?.column !== column ? begins : sorted.way === begins ? other : null;
      sorted = way && { column, way };
      heads.forEach((head, i) => head.setAttribute("aria-sort", sorted && columns[i] === column ? way : "none"));
      status.textContent = sorted ? `sorted by ${column.label}, ${way}` : "in the first order";
      order();
    };
    const order = () => {
      shown = rows;
      if (sorted) {
        const sign = sorted.way === "ascending" ? 1 : -1, of = sorted.column.value;
        shown = rows.map((row) => [of(row), row]).sort(([a], [b]) =>
          a === null || b === null ? (a === null) - (b === null)
            : sign * (typeof a === "number" ? a - b : NAMES.compare(a, b))).map(([, row]) => row);
      }
      limit = first;
      draw();
    };
    const draw = () => {
      drawn++;
      body.replaceChildren();
      add(0, limit);
    };
    const add = (from, to) => {
      body.append(...shown.slice(from, to).flatMap(render));
      if (!shown.length) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "none" }, "nothing here by this filter")));
      const rest = shown.length - to;
      const more = (count, label) => el("button", { type: "button", click: () => grow(limit + count) }, label);
      pager.replaceChildren(...(rest > 0 ? [`${whole(to)} of ${whole(shown.length)} shown`, more(Math.min(NEXT, rest), `show ${whole(Math.min(NEXT, rest))} more`), rest > NEXT ? more(rest, `show all ${whole(shown.length)}`) : ""] : []));
    };
    // A part at a time, so that the page answers meanwhile; whatever is drawn anew in between ends it. Each part is as long as what is there, for a table
    // is laid out anew with each.
    const grow = (wanted) => {
      const step = Math.min(limit + Math.max(NEXT, limit), wanted), before = limit;
      limit = step;
      add(before, step);
      const drawing = drawn;
      if (step < wanted) setTimeout(() => { if (drawing === drawn && limit === step) grow(wanted); });
    };
    const render = (row) => {
      const line = el("tr", { class: "row", "data-key": row.key }, columns.map((column) => {
        const inner = column.cell(row);
        return column.opens ? el("th", { scope: "row", class: column.style }, el("button", { type: "button", "aria-expanded": "false" }, inner)) : el("td", { class: column.style }, inner);
      }));
      line.of = row;
      return opened.has(row.key) ? [line, below(line)] : line;
    };
    const below = (line) => {
      const place = id("detail"), button = line.querySelector("[aria-expanded]");
      button.setAttribute("aria-expanded", "true");
      button.setAttribute("aria-controls", place);
      return el("tr", { class: "detail", id: place }, el("td", { colspan: columns.length }, detail(line.of)));
    };
    const toggle = (line, open = !opened.has(line.of.key)) => {
      if (open === opened.has(line.of.key)) return;
      if (open) {
        opened.add(line.of.key);
        line.after(below(line));
      } else {
        opened.delete(line.of.key);
        line.nextElementSibling.remove();
        const button = line.querySelector("[aria-expanded]");
        button.setAttribute("aria-expanded", "false");
        button.removeAttribute("aria-controls");
      }
    };
    // One listener for all rows; a click on a row's words opens it too, but not one that ends a selection.
    body.addEventListener("click", (event) => {
      const line = event.target.closest("tr");
      if (line?.parentNode !== body || !line.of) return;
      if (event.target.closest("[aria-expanded]") || (!event.target.closest("button, a") && !String(getSelection()))) toggle(line);
    });
    return {
      node,
      show(next) { rows = next; order(); },
      // Opens a row, however far down it is, and goes there.
      open(key) {
        const at = shown.findIndex((row) => String(row.key) === String(key));
        if (at < 0) return false;
        if (at >= limit) { const before = limit; limit = at + 1; add(before, limit); }
        const line = [...body.children].find((one) => one.dataset.key === String(key));
        toggle(line, true);
        line.scrollIntoView({ block: "start" });
        line.querySelector("button").focus({ preventScroll: true });
        return true;
      },
      openAll(most) { [...body.querySelectorAll(".row")].slice(0, most).forEach((line) => toggle(line, true)); },
    };
  };

  // ---- pictures

  const figure = (drawn, said) => el("figure", {}, drawn, el("figcaption", {}, said));
  const bars = (counts, left, width, bottom, height, most) => counts.map((count, i) => {
    const each = width / counts.length, tall = count ? Math.max(2, height * count / most) : 0;
    return tall ? `M${(left + i * each).toFixed(1)} ${bottom}v${-tall.toFixed(1)}h${Math.max(1, each - 1).toFixed(1)}v${tall.toFixed(1)}z` : "";
  }).join("");
  const ofThresholds = (t) => {
    const rest = t.n - t.zero - t.not_finite;
    const parts = [t.zero && `${t.zero === t.n ? "all" : `${whole(t.zero)} of`} ${many(t.n, "threshold")} ${t.zero === 1 ? "is" : "are"} 0`];
    if (!t.zero) parts.push(many(t.n, "threshold"));
    if (rest) parts.push(t.low === t.high ? `${t.zero ? "the others are" : "all"} ${short(t.low)}` : `${t.zero ? "the others" : "from"} ${short(t.low)} to ${short(t.high)}`);
    if (t.not_finite) parts.push(`${whole(t.not_finite)} not finite`);
    return parts.filter(Boolean).join(", ");
  };
  const spark = (t) => {
    const most = Math.max(t.zero, ...t.counts, 1);
    return svg("svg", { viewBox: "0 0 96 18", width: 96, height: 18, role: "img", "aria-label": ofThresholds(t) },
      svg("path", { class: "axis", d: "M0 17.5h96" }),
      t.zero ? svg("path", { class: "z", d: bars([t.zero], 0, 8, 17, 16, most) }) : null,
      t.counts.length ? svg("path", { class: "b", d: t.counts.length === 1 ? bars(t.counts, 52, 5, 17, 16, most) : bars(t.counts, 14, 82, 17, 16, most) }) : null);
  };
  const words = (x, y, text, style) => svg("text", { x, y, class: style }, text);
  const histogram = (t) => {
    const left = 46, bottom = 116, height = 92, from = 96, width = 300;
    const most = Math.max(t.zero, ...t.counts, 1);
    const parts = [svg("path", { class: "axis", d: `M${left} ${bottom}h350` }), words(left - 6, bottom - height + 4, whole(most), "e"), words(left - 6, bottom, "0", "e"),
      words(left + 18, bottom + 16, "0", "m strong"), words(left + 18, bottom + 30, "exactly", "m")];
    if (t.zero) parts.push(svg("path", { class: "z", d: bars([t.zero], left + 8, 20, bottom, height, most) }), words(left + 32, Math.max(bottom - height * t.zero / most + 10, 20), whole(t.zero), "strong"));
    if (!t.counts.length) parts.push(words(from + width / 2, bottom - 8, "no other threshold", "m"));
    else if (t.counts.length === 1) parts.push(svg("path", { class: "b", d: bars(t.counts, from + width / 2, 14, bottom, height, most) }), words(from + width / 2 + 7, bottom + 16, short(t.low), "m"));
    else {
      parts.push(svg("path", { class: "b", d: bars(t.counts, from, width, bottom, height, most) }), words(from, bottom + 16, short(t.low)), words(from + width, bottom + 16, short(t.high), "e"),
        words(from + width / 2, bottom + 30, t.logarithmic ? "threshold, logarithmic" : "threshold", "m"));
      const at = t.init === null ? -1 : t.logarithmic ? Math.log(t.init / t.low) / Math.log(t.high / t.low) : (t.init - t.low) / (t.high - t.low);
      if (at >= 0 && at <= 1) parts.push(svg("path", { class: "mark", d: `M${(from + at * width).toFixed(1)} ${bottom}v${-height - 8}` }), words(from + at * width, bottom - height - 12, `began at ${short(t.init)}`, at > .6 ? "e" : at < .2 ? "" : "m"));
    }
    return figure(svg("svg", { viewBox: "0 0 410 152", width: 410, height: 152, role: "img", "aria-label": `Thresholds: ${ofThresholds(t)}` }, parts), `Thresholds: ${ofThresholds(t)}.`);
  };
  const firing = (f) => {
    const left = 46, bottom = 116, height = 92, from = 96, width = 300, most = Math.max(f.dead, ...f.counts, 1);
    const parts = [svg("path", { class: "axis", d: `M${left} ${bottom}h350` }), words(left - 6, bottom - height + 4, whole(most), "e"), words(left - 6, bottom, "0", "e"), words(left + 18, bottom + 16, "never", "m strong"),
      f.dead ? svg("path", { class: "z", d: bars([f.dead], left + 8, 20, bottom, height, most) }) : null, svg("path", { class: "b", d: bars(f.counts, from, width, bottom, height, most) })];
    const low = f.edges[0], high = f.edges[f.edges.length - 1];
    for (let decade = Math.ceil(low); decade <= high; decade++) parts.push(words(from + width * (decade - low) / (high - low), bottom + 16, decade === 0 ? "1" : `1e${decade}`, decade === low ? "" : "m"));
    parts.push(words(from + width / 2, bottom + 31, "share of the rows on which a latent fires", "m"));
    const said = `How often latents fire: of ${whole(f.latents)}, ${whole(f.dead)} on none and ${whole(f.dense)} on more than a tenth of ${many(f.n, "row")} (${f.split})`;
    return figure(svg("svg", { viewBox: "0 0 410 152", width: 410, height: 152, role: "img", "aria-label": said }, parts), `${said}.`);
  };
  const sparsity = (value, dSae, k) => {
    const from = 12, width = 384, share = (v) => Math.min(1, Math.max(0, Math.log(Math.max(v, 1)) / Math.log(dSae)));
    const x = from + width * share(value.value), quarter = from + width * share(dSae / 4);
    const said = `L0: ${short(value.value)} of ${whole(dSae)} latents (${percent(value.value / dSae)}) active on average`;
    const parts = [svg("rect", { class: "zone", x: quarter, y: 22, width: from + width - quarter, height: 18 }), svg("path", { class: "axis", d: `M${from} 40h${width}` }),
      svg("path", { class: "b", d: `M${from} 26h${(x - from).toFixed(1)}v10h${(from - x).toFixed(1)}z` }), words(from, 55, "1"), words(from + width, 55, whole(dSae), "e"), words(quarter, 16, "a quarter", "m"),
      words(x, 16, Math.abs(x - quarter) < 60 ? "" : short(value.value), "m strong")];
    if (k) { const at = from + width * share(k); parts.push(svg("path", { class: "mark", d: `M${at.toFixed(1)} 20v22` }), words(at, 55, `k = ${k}`, "m")); }
    return figure(svg("svg", { viewBox: "0 0 410 60", width: 410, height: 60, role: "img", "aria-label": said }, parts), `${said}; ${value.split || "by the training"}, ${value.source}.`);
  };
  const seen = (evidence, measure) => evidence?.values.find((one) => one.measure === measure);
  const PICTURES = {
    thresholds: (sae) => sae.evidence?.thresholds && histogram(sae.evidence.thresholds),
    firing: (sae) => sae.evidence?.firing && firing(sae.evidence.firing),
    l0: (sae) => { const l0 = seen(sae.evidence, "l0"); return l0 && sae.dSae > 1 && l0.value <= sae.dSae && sparsity(l0, sae.dSae, sae.k); },
  };
  const plots = (sae, names = Object.keys(PICTURES)) => {
    const drawn = names.map((name) => PICTURES[name](sae)).filter(Boolean);
    return drawn.length ? el("div", { class: "plots" }, drawn) : null;
  };
  // Which pictures are evidence of a rule.
  const evidenceOf = (code) => code === "THR008" ? ["l0"] : code === "THR011" ? ["firing"] : code.startsWith("THR") ? ["thresholds"] : [];

  // ---- one report

  const report = (data, { inner = false, notes = false, number = 0 } = {}) => {
    const saes = data.saes.map(([name, family, architecture, layer, dIn, dSae, k, evidence], at) =>
      ({ key: `${number}:${at}`, at, name, family, architecture, layer, dIn, dSae, k, evidence, counts: { error: 0, warning: 0, note: 0 }, found: [] }));
    const rules = data.rules.map((rule, at) => ({ ...rule, key: `${number}:${rule.code}:${rule.severity}`, at, title: docs[rule.code]?.title || "" }));
    let total = 0;
    for (const rule of rules) {
      for (const group of rule.groups) {
        group.text = `${rule.code} ${rule.severity} ${rule.title} ${group.message} ${group.hint}`.toLowerCase();
        for (const item of group.items) {
          total++;
          const sae = saes[item[0]];
          item.text = `${sae?.name || ""} ${item[1]} ${item[2]}`.toLowerCase();
          if (sae) { sae.counts[rule.severity]++; sae.found.push([rule, group, item]); }
        }
      }
    }
    for (const sae of saes) sae.text = `${sae.name} ${sae.family} ${sae.architecture} ${[...new Set(sae.found.map(([rule]) => rule.code))].join(" ")}`.toLowerCase();
    // Worst first.
    const worst = [...saes].sort((a, b) => b.counts.error - a.counts.error || b.counts.warning - a.counts.warning || NAMES.compare(a.name, b.name));
    const on = { error: true, warning: true, note: notes };
    // What could not be read always shows.
    const listed = (rule) => on[rule.severity] || rule.code.startsWith("RUN");

    const place = (item) => el("li", {}, saes[item[0]] ? el("button", { type: "button", class: "link", click: () => goTo(item[0]) }, item[1]) : el("code", {}, item[1] || "the repository as a whole"),
      item[4] ? [" ", el("a", { href: item[4], rel: "noreferrer", class: "small" }, "on the Hub")] : null, item[2] ? el("span", { class: "more" }, ` ${item[2]}`) : null);
    const places = (items) => {
      const list = el("ul", { class: "places" }, items.slice(0, items.length > PLACES + 1 ? PLACES : items.length).map(place));
      if (items.length > PLACES + 1) {
        const more = el("button", { type: "button", click: () => { list.append(...items.slice(PLACES, PLACES + NEXT).map(place)); more.remove(); if (items.length > PLACES + NEXT) list.append(el("li", {}, `and ${whole(items.length - PLACES - NEXT)} more: the filter finds them`)); } },
          `${whole(items.length - PLACES)} more`);
        return [list, el("p", {}, more)];
      }
      return list;
    };
    const why = (code) => {
      const doc = docs[code];
      return doc ? el("details", { class: "why" }, el("summary", {}, `Why ${code} matters, and how to accept it`),
        doc.why.map((part) => Array.isArray(part) ? el("pre", {}, part.join("\n")) : el("p", {}, prose(part))),
        el("dl", {}, doc.about.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, prose(text))]))) : null;
    };
    const ofRule = (row) => {
      const rule = row.rule, pictures = evidenceOf(rule.code);
      const drawn = pictures.length ? [...new Set(row.groups.flatMap(([, items]) => items.slice(0, PLOTS).map((item) => item[0])))].map((at) => saes[at]).filter((sae) => sae && plots(sae, pictures)).slice(0, PLOTS) : [];
      return el("div", {},
        row.groups.slice(0, PLACES).map(([group, items]) => el("div", { class: "group" },
          el("p", {}, group.message, group.items.some((item) => item[2]) ? el("span", { class: "quiet" }, " (the first of several; their numbers differ)") : null),
          group.confidence !== "high" ? el("p", { class: "quiet small" }, `confidence: ${group.confidence}`) : null,
          places(items),
          group.measured.length === 1 ? el("p", { class: "quiet small" }, `measured: ${group.measured[0]}`) : null,
          group.hint ? el("p", {}, el("b", {}, "Try: "), group.hint) : null,
          group.commands.map(command))),
        row.groups.length > PLACES ? el("p", { class: "quiet" }, `and ${many(row.groups.length - PLACES, "other message")} of this rule: the filter finds them`) : null,
        drawn.length ? el("div", { class: "plots" }, drawn.map((sae) => el("div", {}, el("p", { class: "mono" }, sae.name), plots(sae, pictures)))) : null,
        why(rule.code));
    };
    const ofSae = (sae) => {
      const facts = [["format", sae.family], ["d_in", sae.dIn], ["d_sae", sae.dSae], ["k", sae.k], ...(sae.evidence?.values || []).map((one) =>
        [one.measure, `${short(one.value)}${one.n ? `, ${many(one.n, "row")}` : ""}${one.split ? `, ${one.split}` : ""} (${one.source})`])].filter(([, value]) => value !== null && value !== "");
      return el("div", {}, plots(sae), el("dl", {}, facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))])),
        sae.found.length ? el("ul", {}, sae.found.slice(0, NEXT).map(([rule, group, item]) => el("li", {}, el("button", { type: "button", class: "link", click: () => toRule(rule) }, rule.code), ` ${rule.severity}: ${item[2] || group.message}`)))
          : el("p", { class: "quiet" }, "nothing was found here"));
    };

    const count = (severity) => (row) => row.counts[severity];
    const counted = (severity) => (row) => row.counts[severity] ? el("span", { class: `count-${severity}` }, whole(row.counts[severity])) : "0";
    const findings = table({ caption: `Findings in ${data.target}`, kind: "findings", detail: ofRule, columns: [
      { label: "rule", style: "first", opens: true, cell: (row) => row.rule.code, value: (row) => row.rule.code },
      { label: "severity", cell: (row) => el("span", { class: `badge ${row.rule.severity}` }, row.rule.severity), value: (row) => WORDS.indexOf(row.rule.severity) },
      { label: "what is wrong", style: "what", cell: (row) => [el("span", { class: "title" }, prose(row.rule.title)), el("span", { class: "more" }, row.groups[0][0].message.slice(0, 220) + (row.groups[0][0].message.length > 220 ? " ..." : ""))], value: (row) => row.rule.title },
      { label: "SAEs", style: "n where", numeric: true, cell: (row) => row.saes ? whole(row.saes) : "", value: (row) => row.saes },
      { label: "findings", style: "n", numeric: true, cell: (row) => whole(row.count), value: (row) => row.count },
    ] });
    const some = (of) => saes.some((sae) => of(sae) !== null && of(sae) !== undefined);
    const optional = [
      { label: "layer", style: "n", numeric: true, cell: (sae) => sae.layer ?? "", value: (sae) => sae.layer },
      { label: "d_sae", style: "n", numeric: true, cell: (sae) => sae.dSae === null ? "" : whole(sae.dSae), value: (sae) => sae.dSae },
      { label: "L0", style: "n", numeric: true, cell: (sae) => { const one = seen(sae.evidence, "l0"); return one ? short(one.value) : ""; }, value: (sae) => seen(sae.evidence, "l0")?.value ?? null },
      { label: "explained", style: "n", numeric: true, cell: (sae) => { const one = seen(sae.evidence, "explained_variance"); return one ? short(one.value) : ""; }, value: (sae) => seen(sae.evidence, "explained_variance")?.value ?? null },
      { label: "thresholds: 0 | the others", cell: (sae) => sae.evidence?.thresholds ? spark(sae.evidence.thresholds) : "", numeric: true, value: (sae) => sae.evidence?.thresholds ? sae.evidence.thresholds.zero / sae.evidence.thresholds.n : null },
    ].filter((column) => some(column.value));
    const list = table({ caption: `SAEs of ${data.target}`, kind: "saes", detail: ofSae, columns: [
      { label: "SAE", style: "first", opens: true, cell: (sae) => sae.name, value: (sae) => sae.name },
      { label: "architecture", cell: (sae) => sae.architecture || sae.family, value: (sae) => sae.architecture || sae.family },
      ...optional,
      { label: "errors", style: "n", numeric: true, cell: counted("error"), value: count("error") },
      { label: "warnings", style: "n", numeric: true, cell: counted("warning"), value: count("warning") },
    ] });

    // ---- the filter

    const said = el("p", { class: "status", role: "status" });
    const search = el("input", { type: "search", placeholder: "filter: a rule, an SAE, words of a message", "aria-label": `Filter findings and SAEs of ${data.target}`, input: () => { clearTimeout(waiting); waiting = setTimeout(apply, PAUSE); } });
    let waiting = 0;
    const sums = Object.fromEntries(WORDS.map((word) => [word, rules.filter((rule) => rule.severity === word).reduce((sum, rule) => sum + rule.groups.reduce((n, group) => n + group.items.length, 0), 0)]));
    const switches = WORDS.filter((word) => sums[word]).map((word) => {
      const button = el("button", { type: "button", class: word, "aria-pressed": String(on[word]), click: () => { on[word] = !on[word]; button.setAttribute("aria-pressed", String(on[word])); apply(); } }, many(sums[word], word));
      return button;
    });
    const apply = () => {
      clearTimeout(waiting);
      const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let matching = 0;
      const rows = [];
      for (const rule of rules) {
        if (!listed(rule)) continue;
        const groups = [];
        for (const group of rule.groups) {
          const rest = asked.filter((word) => !group.text.includes(word));
          const items = rest.length ? group.items.filter((item) => rest.every((word) => item.text.includes(word))) : group.items;
          if (items.length) groups.push([group, items]);
        }
        if (!groups.length) continue;
        const items = groups.flatMap(([, found]) => found);
        matching += items.length;
        rows.push({ key: rule.key, rule, groups, count: items.length, saes: new Set(items.map((item) => item[0]).filter((at) => at >= 0)).size });
      }
      const left = asked.length ? worst.filter((sae) => asked.every((word) => sae.text.includes(word))) : worst;
      findings.show(rows);
      list.show(left);
      said.textContent = `${matching === total ? whole(total) : `${whole(matching)} of ${whole(total)}`} finding${total === 1 ? "" : "s"} shown, of ${many(rows.length, "rule")}; ${left.length === saes.length ? many(saes.length, "SAE") : `${whole(left.length)} of ${many(saes.length, "SAE")}`}`;
    };
    const reset = () => { search.value = ""; for (const word of WORDS) on[word] = true; switches.forEach((button) => button.setAttribute("aria-pressed", "true")); apply(); };
    const goTo = (at) => list.open(saes[at].key) || (reset(), list.open(saes[at].key));
    const toRule = (rule) => findings.open(rule.key) || (reset(), findings.open(rule.key));

    const heading = inner ? "h3" : "h2";
    const section = (title, ...children) => el("section", {}, el(heading, {}, title), children);
    const about = [
      data.asked ? el("p", {}, `${many(data.asked, "rule")} ${data.asked === 1 ? "was" : "were"} asked; ${data.cost}.`) : el("p", {}, `${data.cost}.`),
      data.config ? el("p", {}, `configuration: ${data.config}`) : null,
      data.unchecked.length ? el("ul", {}, data.unchecked.slice(0, NEXT).map(([reason, checks]) => el("li", {}, el("b", {}, "not read: "), `${reason}; ${checks}`)), data.unchecked.length > NEXT ? el("li", {}, `and ${many(data.unchecked.length - NEXT, "more reason")}`) : null) : null,
      data.remarks.length ? el("ul", {}, data.remarks.map((one) => el("li", {}, one))) : null,
      data.cards.map((card) => [el("p", {}, `${card.said}.`), card.unheld.length ? el("details", {}, el("summary", {}, `what was held against nothing (${whole(card.unheld.length)})`), el("ul", {}, card.unheld.map(([line, quote]) => el("li", {}, `line ${line}: ${quote}`)))) : null]),
      data.accepted.length ? [el(inner ? "h4" : "h3", {}, "Accepted"), el("ul", {}, data.accepted.map(([label, text]) => el("li", {}, label ? el("b", {}, `${label}: `) : null, text)))] : null,
    ];
    const node = el("div", { class: inner ? "inner" : "" },
      inner ? el("div", { class: `verdict ${data.state}` }, el("p", { class: "counted" }, data.counted), data.said ? el("p", { class: "said" }, data.said) : null, data.shortfall ? el("p", {}, data.shortfall) : null, el("p", { class: "quiet small" }, data.kinds)) : null,
      data.mend ? el("div", {}, el("p", {}, `${data.mend.said}. To see what would change:`), command(data.mend.command)) : null,
      total || saes.length ? el("div", { class: "bar", role: "search", "aria-label": `Findings and SAEs of ${data.target}` }, search, switches, said) : null,
      total ? section("Findings", findings.node) : null,
      saes.length ? section(`SAEs`, list.node) : null,
      section("What was looked at, and what was not", about));
    apply();
    return { node, findings, toRule: (code) => { const rule = rules.find((one) => one.code === code); if (rule) toRule(rule); } };
  };

  // ---- an audit: a table of repositories, each with its report

  const audit = (data, notes) => {
    const listed = [];
    for (let row; (row = read(`row-${listed.length}`)); ) listed.push(row);
    const rows = listed.map((row, at) => ({ ...row, key: at, at, text: `${row.target} ${row.failure} ${row.kind} ${Object.keys(row.codes).join(" ")} ${Object.keys(row.codes).map((code) => docs[code]?.title || "").join(" ")}`.toLowerCase() }));
    const detail = (row) => {
      const found = read(`report-${row.at}`);
      return el("div", {}, row.failure && !row.saes ? el("p", {}, row.failure) : null,
        found ? report(found, { inner: true, notes, number: row.at + 1 }).node : row.saes ? el("p", { class: "quiet" }, "Its details are left out, so that the page stays small: ", el("code", {}, `hubkit validate ${row.target}`)) : null);
    };
    const counted = (name, severity) => (row) => row[name] ? el("span", { class: `count-${severity}` }, whole(row[name])) : "0";
    const column = (label, name, more = {}) => ({ label, style: "n", numeric: true, cell: (row) => whole(row[name]), value: (row) => row[name], ...more });
    const repositories = table({ caption: "Repositories and folders, worst first", kind: "repositories", detail, columns: [
      { label: "repository", style: "first", opens: true, cell: (row) => row.target, value: (row) => row.target },
      { label: "state", cell: (row) => [el("span", {}, row.state), row.failure ? el("span", { class: "more" }, row.failure.slice(0, 160)) : null], value: (row) => row.state },
      column("SAEs", "saes"), column("errors", "errors", { cell: counted("errors", "error") }), column("warnings", "warnings", { cell: counted("warnings", "warning") }), column("notes", "notes"),
      { label: "worst", cell: (row) => row.worst, value: (row) => row.worst },
      rows.some((row) => row.jumprelu) && column("never learned", "never", { cell: (row) => row.jumprelu ? `${row.never} of ${row.jumprelu}` : "", value: (row) => row.jumprelu ? row.never / row.jumprelu : null }),
      { label: "commit", cell: (row) => el("code", {}, row.commit), value: (row) => row.commit },
    ].filter(Boolean) });
    const across = {};
    for (const row of rows) for (const [code, [severity, count]] of Object.entries(row.codes)) {
      const one = across[code] ||= { key: code, code, severity, count: 0, rows: [] };
      one.count += count;
      one.rows.push(row);
    }
    const rules = table({ caption: "Rules, over all repositories", kind: "findings", first: 50, columns: [
      { label: "rule", style: "first", opens: true, cell: (one) => one.code, value: (one) => one.code },
      { label: "severity", cell: (one) => el("span", { class: `badge ${one.severity}` }, one.severity), value: (one) => WORDS.indexOf(one.severity) },
      { label: "what is wrong", style: "what", cell: (one) => prose(docs[one.code]?.title || ""), value: (one) => docs[one.code]?.title || "" },
      { label: "repositories", style: "n where", numeric: true, cell: (one) => whole(one.rows.length), value: (one) => one.rows.length },
      { label: "findings", style: "n", numeric: true, cell: (one) => whole(one.count), value: (one) => one.count },
    ], detail: (one) => el("div", {}, (docs[one.code]?.why || []).map((part) => Array.isArray(part) ? el("pre", {}, part.join("\n")) : el("p", { class: "why" }, prose(part))),
      el("ul", { class: "places" }, one.rows.slice(0, NEXT).map((row) => el("li", {}, el("button", { type: "button", class: "link", click: () => repositories.open(row.at) || (reset(), repositories.open(row.at)) }, row.target), ` ${many(row.codes[one.code][1], "finding")}`)), one.rows.length > NEXT ? el("li", {}, `and ${whole(one.rows.length - NEXT)} more: the filter finds them`) : null)) });
    const said = el("p", { class: "status", role: "status" });
    let waiting = 0;
    const search = el("input", { type: "search", placeholder: "filter: a name, a rule, words of a rule", "aria-label": "Filter repositories", input: () => { clearTimeout(waiting); waiting = setTimeout(apply, PAUSE); } });
    const states = [...new Set(rows.map((row) => row.state))];
    const select = el("select", { "aria-label": "State", change: () => apply() }, el("option", { value: "" }, `all ${whole(rows.length)}`), states.map((state) => el("option", { value: state }, `${state} (${whole(rows.filter((row) => row.state === state).length)})`)));
    const apply = () => {
      const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const left = rows.filter((row) => (!select.value || row.state === select.value) && asked.every((word) => row.text.includes(word)));
      repositories.show(left);
      said.textContent = `${left.length === rows.length ? "" : `${whole(left.length)} of `}${whole(rows.length)} ${rows.length === 1 ? "repository or folder" : "repositories and folders"} shown`;
    };
    const reset = () => { search.value = ""; select.value = ""; apply(); };
    apply();
    const found = Object.values(across).sort((a, b) => WORDS.indexOf(a.severity) - WORDS.indexOf(b.severity) || b.rows.length - a.rows.length);
    rules.show(found);
    return { findings: repositories, node: el("div", {}, el("div", { class: "bar", role: "search", "aria-label": "Repositories" }, search, select, said),
      el("section", {}, el("h2", {}, "Repositories"), repositories.node),
      data.contradictions.length ? el("section", {}, el("h2", {}, "Cards that contradict each other"), el("ul", {}, data.contradictions.map((one) => el("li", {}, one)))) : null,
      found.length ? el("section", {}, el("h2", {}, "Rules, over all of them"), rules.node) : null) };
  };

  // ---- the page

  const themes = () => {
    const root = document.documentElement, names = ["auto", "light", "dark"];
    const buttons = names.map((name) => el("button", { type: "button", "aria-pressed": String((root.dataset.theme || "auto") === name), click: () => {
      if (name === "auto") delete root.dataset.theme; else root.dataset.theme = name;
      try { localStorage.setItem("hubkit-theme", name); } catch { /* not kept, then */ }
      buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(names[i] === name)));
    } }, name));
    return el("div", { class: "switch", role: "group", "aria-label": "Colours" }, buttons);
  };
  const about = read("page");
  const first = read("report");
  const shown = first ? report(first, { notes: about.notes }) : audit(read("audit"), about.notes);
  document.querySelector(".top").append(themes());
  document.getElementById("app").replaceChildren(shown.node, status);
  addEventListener("beforeprint", () => shown.findings.openAll(200));
  const follow = () => { const code = decodeURIComponent(location.hash.slice(1)); if (shown.toRule && /^[A-Z]+\d+$/.test(code)) shown.toRule(code); };
  addEventListener("hashchange", follow);
  follow();
})();
