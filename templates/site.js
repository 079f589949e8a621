"use strict";

// Runs in the head, before the first paint, so that a stored theme does not flash.
const root = document.documentElement;
const stored = (() => {
  try {
    return localStorage.getItem("ws-dsl-theme");
  } catch {
    return null; // some browsers refuse storage to pages opened as files
  }
})();
if (stored === "light" || stored === "dark") root.dataset.theme = stored;

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function themeButton() {
  const button = document.getElementById("_theme");
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${button.textContent} theme`);
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("ws-dsl-theme", root.dataset.theme);
    } catch {
      // the choice holds for this page
    }
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
  button.hidden = false;
}

// "0.71 [0.64, 0.78]" sorts as 0.71; "–" and "undefined" come last in either direction.
function sortKey(cell) {
  const text = cell.textContent.trim();
  const number = /^[-−+]?\d+(\.\d+)?(e[-−+]?\d+)?(?=$|[\s%\[])/i.exec(text);
  if (number) return Number(number[0].replaceAll("−", "-"));
  return text === "–" || text.startsWith("undefined") ? null : text;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === typeof b) return a.localeCompare(b, "en", { numeric: true });
  return typeof a === "number" ? -1 : 1;
}

function sortable(table) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) return;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = [...body.rows].map((row) => ({ row, key: sortKey(row.cells[column]) }));
      keyed.sort((a, b) => {
        if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
        return down ? compare(b.key, a.key) : compare(a.key, b.key);
      });
      body.append(...keyed.map((item) => item.row));
    });
  });
}

function linkableHeadings() {
  document.querySelectorAll("main :is(h2, h3)[id]").forEach((heading) => {
    const link = document.createElement("a");
    link.className = "anchor";
    link.href = `#${heading.id}`;
    link.setAttribute("aria-label", `Link to “${heading.textContent}”`);
    link.textContent = "#";
    heading.append(link);
  });
}

// Keys and comments only: a study reads well without more colours.
function coloured(code) {
  const lines = code.textContent.split("\n").map((line) => {
    const parts = /^(\s*#.*)$|^(\s*(?:- )?)([\w -]+)(:(?:\s.*)?)$/.exec(line);
    if (!parts) return [line];
    const span = document.createElement("span");
    span.className = parts[1] ? "comment" : "key";
    span.textContent = parts[1] || parts[3];
    return parts[1] ? [span] : [parts[2], span, parts[4]];
  });
  code.replaceChildren(...lines.flatMap((parts, at) => (at ? ["\n", ...parts] : parts)));
}

function copyable(block) {
  const box = document.createElement("div");
  const button = document.createElement("button");
  box.className = "code";
  button.type = "button";
  button.textContent = "Copy";
  block.replaceWith(box);
  box.append(block, button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block); // a page opened as a file may not write to the clipboard
      button.textContent = "Selected";
    }
    button.dataset.done = "";
    setTimeout(() => {
      button.textContent = "Copy";
      delete button.dataset.done;
    }, 2000);
  });
}

// Every word of the query must occur; titles weigh more than headings, and these more than text.
function score(entry, words) {
  const [, group, title, section, text] = entry.map((part) => part.toLowerCase());
  let total = 0;
  for (const word of words) {
    const places = [[title, 12], [section, 6], [text, 1]];
    const best = Math.max(...places.map(([place, weight]) => {
      const at = place.indexOf(word);
      if (at < 0) return 0;
      return weight * (at === 0 || /[^\p{L}\p{N}]/u.test(place[at - 1]) ? 2 : 1);
    }));
    if (!best) return 0;
    total += best + (title === word && group === "kind" ? 30 : 0);
  }
  return total;
}

function marked(text, words) {
  const found = words.map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
  const start = Math.max(0, Math.min(...(found.length ? found : [0])) - 40);
  const from = start ? text.indexOf(" ", start) + 1 : 0;
  const until = text.length > from + 150 ? text.lastIndexOf(" ", from + 150) : text.length;
  const shown = (from ? "… " : "") + text.slice(from, until) + (until < text.length ? " …" : "");
  const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "gi");
  const parts = [];
  let end = 0;
  for (const match of shown.matchAll(pattern)) {
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    parts.push(shown.slice(end, match.index), mark);
    end = match.index + match[0].length;
  }
  return [...parts, shown.slice(end)];
}

function searchDialog() {
  const home = document.body.dataset.root;
  const dialog = document.createElement("dialog");
  const [input, status, list] = ["input", "p", "ol"].map((tag) => document.createElement(tag));
  dialog.className = "search";
  dialog.setAttribute("aria-label", "Search");
  input.type = "search";
  input.placeholder = "Search studies, guide and kinds";
  input.setAttribute("aria-label", input.placeholder);
  status.setAttribute("role", "status");
  dialog.append(input, status, list);
  document.body.append(dialog);

  function result(entry, words) {
    const [href, group, title, section, text] = entry;
    const [item, link, head, kind, snippet] = ["li", "a", "strong", "small", "span"].map((tag) => document.createElement(tag));
    link.href = home + href;
    head.textContent = section ? `${title}: ${section}` : title;
    kind.textContent = group;
    snippet.append(...marked(text, words));
    link.append(kind, head, snippet);
    item.append(link);
    return item;
  }

  function search() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const ranked = (words.length ? window.wsDslIndex || [] : [])
      .map((entry) => ({ entry, score: score(entry, words) }))
      .filter((one) => one.score)
      .sort((a, b) => b.score - a.score);
    status.textContent = words.length ? `${ranked.length} ${ranked.length === 1 ? "result" : "results"}` : "";
    list.replaceChildren(...ranked.slice(0, 30).map((one) => result(one.entry, words)));
  }

  function load() {
    if (window.wsDslIndex) return;
    const script = document.createElement("script"); // works from files too, where fetch does not
    script.src = `${home}search-index.js`;
    script.addEventListener("load", search);
    document.head.append(script);
  }

  input.addEventListener("input", search);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("a")) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // which would only empty the field
      document.activeElement.blur(); // a hidden field keeps the focus until the next frame, and the next "/" with it
      dialog.close();
    }
    const stops = [input, ...list.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const at = stops.indexOf(document.activeElement);
      stops[Math.min(Math.max(at + step, 0), stops.length - 1)].focus();
    } else if (event.key === "Enter" && document.activeElement === input && stops[1]) {
      stops[1].click();
    }
  });
  return () => {
    load();
    dialog.showModal();
    input.select();
  };
}

function searchButton() {
  const open = searchDialog();
  const button = document.getElementById("_search");
  button.addEventListener("click", open);
  button.hidden = false;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, dialog[open]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  themeButton();
  searchButton();
  document.querySelectorAll(".table-box:not(.plain) table").forEach(sortable);
  document.querySelectorAll("pre.yaml > code").forEach(coloured);
  document.querySelectorAll("pre:is(.yaml, .python, .sh)").forEach(copyable);
  linkableHeadings();
});
