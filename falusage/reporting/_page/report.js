
"use strict";
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const numeric = head.classList.contains("number");
    const value = (row) => {
      const given = row.cells[place].dataset.value;
      return given === undefined ? null : numeric ? Number(given) : given;
    };
    head.querySelector("button").addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      const down = was === null ? numeric : was === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].sort((one, other) => {
        const [a, b] = [value(one), value(other)];
        if (a === null || b === null) return (a === null) - (b === null);
        const order = numeric ? a - b : a < b ? -1 : a > b ? 1 : 0;
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
