/* snapshot.js - what is seen as one picture: the page's canvases, axes, curves and words in an SVG of their own */
/* SPDX-License-Identifier: MIT */
import { shownCurves } from './curve.js';

const SEEN = ['#answer-first', '#answer-table th', '#answer-table td:not([data-state="busy"])', '#card', '.card-key span', '#map-title', '#map-subtitle', '.pane-name', '.pane canvas', '.pane svg', '#many canvas', '#many h3', '#many span:not(:has(span))',
  '#many p', '#bar canvas', '#bar svg', '#bar-label', '#bar-key li', '#decay h2', '#curve', '#curve-value', '#curve-note', '#band-key span:not(.pin-key)', '#pins li span', '.line-key', '.pin-key'];
const STYLES = ['fill', 'fill-opacity', 'stroke', 'stroke-opacity', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin',
  'paint-order', 'opacity', 'font-size', 'font-family', 'font-weight', 'text-anchor', 'display'];
const EDGE = 16, GAP = 20;

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 1;

/* A copy of an SVG whose styles stand in its elements. */
function styled(svg) {
  const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll('*')], to = [copy, ...copy.querySelectorAll('*')];
  from.forEach((element, index) => {
    const style = getComputedStyle(element);
    for (const name of STYLES) to[index].style.setProperty(name, style.getPropertyValue(name));
  });
  return copy;
}

/* The lines into which the page has broken a text: [{ text, box }], the text with its bold words marked up. */
function linesOf(element) {
  const lines = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  const weightOf = (one) => getComputedStyle(one).fontWeight, usual = weightOf(element);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode, weight = weightOf(parentElement);
    const marked = (text) => (weight === usual ? escaped(text) : `<tspan font-weight="${weight}">${escaped(text)}</tspan>`);
    if (lines.length && !data.trim()) lines.at(-1).text += ' '; /* between bold words and plain ones */
    for (const { index, 0: word, 1: space } of data.matchAll(/(\s*)\S+\s*/g)) {
      range.setStart(walker.currentNode, index + space.length);
      range.setEnd(walker.currentNode, index + word.length);
      const box = range.getBoundingClientRect(), last = lines[lines.length - 1];
      if (last && Math.abs(last.box.top - box.top) < 3) last.text += marked(word);
      else lines.push({ text: marked(word.trimStart()), box });
    }
  }
  return lines;
}

/* Dots and patches of a key, which the page draws with styles alone. */
function patchOf(element, style, place) {
  const before = getComputedStyle(element, '::before'), patch = element.matches('#bar-key li') ? element.firstElementChild : null;
  if (patch) {
    const { x, y } = place(patch.getBoundingClientRect()), { width, height } = patch.getBoundingClientRect();
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${getComputedStyle(patch).backgroundColor}" stroke="${style.color}"/>`;
  }
  if (!element.matches('.card-key span')) return '';
  const { x, y } = place(element.getBoundingClientRect()), r = parseFloat(before.width) / 2, line = parseFloat(before.borderTopWidth);
  return `<circle cx="${x + r}" cy="${y + element.getBoundingClientRect().height / 2}" r="${r - line / 2}" fill="${before.backgroundColor}" stroke="${before.borderTopColor}" stroke-width="${line}"/>`;
}

function pieceOf(element, place) {
  const box = element.getBoundingClientRect(), { x, y } = place(box), style = getComputedStyle(element);
  const size = `x="${x}" y="${y}" width="${box.width}" height="${box.height}"`;
  if (element instanceof HTMLCanvasElement) {
    return `<image ${size} preserveAspectRatio="none" style="image-rendering:pixelated" href="${element.toDataURL()}"/>`;
  }
  if (element instanceof SVGElement) {
    const copy = styled(element);
    for (const [name, value] of Object.entries({ x, y, width: box.width, height: box.height })) copy.setAttribute(name, value);
    copy.style.overflow = 'visible';
    copy.removeAttribute('id');
    return new XMLSerializer().serializeToString(copy);
  }
  if (element.matches('.pin-key')) {
    return `<rect ${size} fill="${style.borderTopColor}"/>`;
  }
  const font = `font-family="${escaped(style.fontFamily)}" font-size="${style.fontSize}" font-weight="${style.fontWeight}" fill="${style.color}"`;
  if (style.writingMode !== 'horizontal-tb') {
    return `<text ${font} text-anchor="middle" dominant-baseline="middle" transform="translate(${x + box.width / 2},${y + box.height / 2}) rotate(-90)">${escaped(element.textContent)}</text>`;
  }
  return patchOf(element, style, place) + linesOf(element).map(({ text, box: line }) => {
    const at = place(line);
    return `<text ${font} x="${at.x}" y="${at.y + line.height * 0.78}">${text}</text>`;
  }).join('');
}

/* { text, width, height } of the SVG: of the page as it is with nothing scrolled. */
export function snapshotSvg() {
  const scrolled = [document.documentElement, ...document.querySelectorAll('#side, #words')].map((element) => [element, element.scrollTop]);
  scrolled.forEach(([element]) => { element.scrollTop = 0; });
  const made = drawn();
  scrolled.forEach(([element, top]) => { element.scrollTop = top; });
  return made;
}

/* How much what is beside the map, or all in a single column, comes up: controls are not in the picture. */
function riser(boxes) {
  const side = document.getElementById('side').getBoundingClientRect(), gaps = [];
  const isBeside = ({ left, width }) => !side.width || left + width / 2 > side.left && left + width / 2 < side.right;
  let end = Infinity;
  for (const { top, bottom } of d3.sort(boxes.filter(isBeside), (box) => box.top)) {
    if (top - end > GAP) gaps.push({ from: end, by: top - end - GAP });
    end = Math.max(end === Infinity ? bottom : end, bottom);
  }
  return (box) => (isBeside(box) ? d3.sum(gaps, ({ from, by }) => (from <= box.top ? by : 0)) : 0);
}

function drawn() {
  const elements = [...document.querySelectorAll(SEEN.join())].filter(shown);
  const boxes = elements.map((element) => element.getBoundingClientRect()), rises = riser(boxes);
  const left = d3.min(boxes, (box) => box.left) - EDGE, top = d3.min(boxes, (box) => box.top) - EDGE;
  const place = (box) => ({ x: box.left - left, y: box.top - top - rises(box) });
  const width = Math.ceil(d3.max(boxes, (box) => box.right) - left + EDGE), height = Math.ceil(d3.max(boxes, (box) => place(box).y + box.height) + EDGE);
  const paper = getComputedStyle(document.body).backgroundColor;
  const body = elements.map((element) => pieceOf(element, place)).join('\n');
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" fill="${paper}"/>\n${body}\n</svg>\n`;
  return { text, width, height };
}

/* The same as a PNG of twice the page's pixels. */
export async function snapshotPng() {
  const { text, width, height } = snapshotSvg(), address = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  const image = new Image(width, height);
  image.src = address;
  await image.decode();
  URL.revokeObjectURL(address);
  const canvas = new OffscreenCanvas(2 * width, 2 * height), context = canvas.getContext('2d');
  context.scale(2, 2);
  context.drawImage(image, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

/* Distances and similarities of all curves, as a table. */
function curveRows() {
  const rows = ['curve,distance,last,mean,low,high'];
  for (const { label, points } of shownCurves()) {
    points.mean.forEach((mean, at) => rows.push([`"${label.replace(/"/g, "'")}"`, points.from[at], points.to[at], mean,
      points.low?.[at] ?? mean, points.high?.[at] ?? mean].join()));
  }
  return rows.join('\n');
}

/* One file without any other: the picture, the commands, the settings and the numbers of the curves. */
export function snapshotHtml(commands, settings) {
  const { text, width } = snapshotSvg(), title = document.getElementById('map-title').textContent;
  const answer = document.getElementById('answer-first').textContent;
  const rows = Object.entries(settings).map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(String(value))}</td></tr>`);
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)} - ropemap</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{font:1rem/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;color:#17191f;background:#fcfcfa}
div{overflow-x:auto}svg{width:100%;max-width:${2 * width}px;min-width:${Math.min(width, 900)}px;height:auto}pre{overflow:auto;padding:.8rem;background:#f3f3ef}th{text-align:left;padding-right:1.5rem;font-weight:600}
</style></head><body>
<div role="img" aria-label="${escaped(answer)}">${text}</div>
<h2>Commands</h2><pre>${escaped(commands)}</pre>
<h2>Settings</h2><table>${rows.join('\n')}</table>
<details><summary>Numbers of the curves (CSV)</summary><pre>${escaped(curveRows())}</pre></details>
</body></html>
`;
}
