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

document.addEventListener("DOMContentLoaded", () => {
  themeButton();
  document.querySelectorAll(".table-box table").forEach(sortable);
});
