// Figures of a page, drawn where it has places for them: the same for a file and for the dashboard.
function drawFigure(place, figure) {
  if (!figure || !figure.data.length) {
    place.className = "figure none";
    place.textContent = "";
    return Promise.resolve();
  }
  const layout = { height: 380, ...figure.layout, autosize: true };
  return Plotly.react(place, figure.data, layout, { displaylogo: false, responsive: true, displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false });
}

// One after another, so that the page can be read and scrolled meanwhile.
async function drawAll(root, figures) {
  for (const [name, figure] of Object.entries(figures)) {
    const place = root.querySelector(`#figure-${CSS.escape(name)}`);
    if (place) await drawFigure(place, figure);
    await new Promise((next) => setTimeout(next));
  }
}
