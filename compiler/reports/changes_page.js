"use strict";
// Filters and groups what the page already shows; without it everything stands there as a table.
(() => {
  const form = document.getElementById("filters");
  const table = document.getElementById("site-table");
  const rows = table ? [...table.querySelectorAll("tr[data-rows]")].map((element) => ({
    element,
    cluster: element.dataset.cluster,
    rows: element.dataset.rows.split(" ").filter(Boolean).map(Number),
    labels: new Set(JSON.parse(element.dataset.labels)),
    text: element.dataset.text,
    bytes: Number(element.dataset.bytes),
  })) : [];
  const changes = [...document.querySelectorAll("article[data-row]")].map((element) => ({
    element,
    row: Number(element.dataset.row),
    clusters: new Set(JSON.parse(element.dataset.clusters)),
    effect: element.dataset.effect,
    // A site is looked for in its own row: its neighbours of the same change are not meant.
    text: [...element.children].filter((part) => !part.matches("[data-where]"))
      .map((part) => part.textContent).join(" ").toLowerCase(),
    shared: element.dataset.shared === "1",
    count: element.querySelector("[data-count]"),
  }));
  const field = (name) => form.elements.namedItem(name);
  const words = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (bytes >= 1024 && unit < 4) { bytes /= 1024; unit += 1; }
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  };
  const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  function filter() {
    const wanted = {
      words: field("search").value.toLowerCase().split(/\s+/).filter(Boolean),
      cluster: field("cluster").value,
      label: field("label").value,
      effect: field("effect").value,
    };
    // A word is looked for in a change and in a site: a change that has it shows all its sites.
    const named = new Set(), allowed = new Set();
    for (const one of changes) {
      if (wanted.effect && one.effect !== wanted.effect) continue;
      allowed.add(one.row);
      if (wanted.words.every((word) => one.text.includes(word))) named.add(one.row);
    }
    const perRow = new Map();
    let sites = 0, bytes = 0;
    for (const one of rows) {
      const place = (!wanted.cluster || one.cluster === wanted.cluster)
        && (!wanted.label || one.labels.has(wanted.label));
      const mine = one.rows.filter((row) => allowed.has(row));
      const itself = wanted.words.every((word) => one.text.includes(word));
      const kept = itself ? mine : mine.filter((row) => named.has(row));
      const shown = place && (kept.length > 0 || (!wanted.effect && itself));
      one.element.hidden = !shown;
      if (!shown) continue;
      sites += 1;
      bytes += one.bytes;
      for (const row of kept) perRow.set(row, (perRow.get(row) || 0) + 1);
    }
    let visible = 0;
    for (const one of changes) {
      const here = perRow.get(one.row) || 0;
      const alone = one.shared && named.has(one.row) && !wanted.label
        && (!wanted.cluster || one.clusters.has(wanted.cluster));
      one.element.hidden = !(here || alone);
      visible += here || alone ? 1 : 0;
      if (one.count) one.count.textContent = counted(here, "site");
    }
    for (const body of table ? table.tBodies : []) {
      const left = [...body.rows].filter((row) => !row.hidden && row.dataset.rows !== undefined);
      const head = body.querySelector(".group");
      head.hidden = left.length === 0;
      const sum = left.reduce((total, row) => total + Number(row.dataset.bytes), 0);
      head.querySelector("[data-sum]").textContent = counted(left.length, "site") + (sum ? `, ${words(sum)} to fetch` : "");
    }
    document.getElementById("none").hidden = visible > 0;
    document.getElementById("found").textContent =
      `${counted(visible, "change")} at ${counted(sites, "site")}` + (bytes ? `, ${words(bytes)} to fetch in all` : "");
  }

  function group() {
    if (!table) return;
    const by = field("group").value;
    const groups = new Map();
    for (const one of rows) {
      const prefix = `${by}: `;
      const found = by === "" ? one.cluster : [...one.labels].find((label) => label.startsWith(prefix));
      const name = found || `no ${by}`;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(one.element);
    }
    const bodies = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, elements]) => {
      const body = document.createElement("tbody");
      const row = body.insertRow();
      row.className = "group";
      const head = document.createElement("th");
      head.scope = "rowgroup";
      head.colSpan = table.tHead.rows[0].cells.length;
      const sum = document.createElement("span");
      sum.className = "quiet";
      sum.dataset.sum = "";
      head.append(`${name} `, sum);
      row.append(head);
      body.append(...elements);
      return body;
    });
    for (const body of [...table.tBodies]) body.remove();
    table.append(...bodies);
    filter();
  }

  let waiting = 0;
  const soon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(filter);
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => (event.target.name === "group" ? group() : soon()));
  form.addEventListener("reset", () => setTimeout(group));
  filter();
})();
