"use strict";
// Pictures of the dashboards: drawn when they come near the screen, and the rest while the browser is idle.
window.mlmonDrawPictures = (root) => {
  const drawn = new Set();
  const figures = [...root.querySelectorAll("figure.picture")];
  const draw = async (figure) => {
    if (drawn.has(figure)) return;
    drawn.add(figure);
    const spec = JSON.parse(figure.querySelector(".spec").textContent);
    await vegaEmbed(figure.querySelector(".plot"), spec, { mode: "vega-lite", actions: false, renderer: "svg", ast: true, defaultStyle: false });
    figure.dataset.drawn = "1";
  };
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "600px" });
  figures.forEach((figure) => near.observe(figure));
  const idle = window.requestIdleCallback ?? ((task) => setTimeout(task, 30));
  const rest = async () => {
    const next = figures.find((figure) => !drawn.has(figure) && figure.offsetParent !== null);
    if (next) { await draw(next); idle(rest); } else document.body.dataset.pictures = "drawn";
  };
  idle(rest);
};
window.mlmonDrawPictures(document);
document.addEventListener("toggle", (event) => {
  if (event.target.matches("details.board[open], details.board-section[open]")) window.mlmonDrawPictures(event.target);
}, true);

// A link to a folded dashboard opens it.
window.addEventListener("hashchange", () => {
  const board = document.getElementById(location.hash.slice(1));
  if (board?.matches("details.board")) board.open = true;
});
