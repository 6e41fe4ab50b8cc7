// Measures a page as it stands in frames of several widths, and leaves the result in this one, as text.
// Runs in a page around it, so that the page itself is exactly the one that users get.

// What is wrong with the drawing: texts that lie over each other or beyond it, or are too small.
function flaws(drawing) {
  const box = drawing.getBoundingClientRect();
  const scale = box.width / drawing.viewBox.baseVal.width;
  const texts = [...drawing.querySelectorAll('text')].map((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return { left, right, top, bottom, said: text.textContent };
  });
  const flaws = [];
  if (scale * 12 < 9) flaws.push(`letters of ${scale * 12} pixels`);
  texts.forEach((one, at) => {
    if (one.left < box.left - 1 || one.right > box.right + 1) flaws.push(`"${one.said}" is cut off`);
    for (const other of texts.slice(at + 1)) {
      const beside = one.right <= other.left || other.right <= one.left;
      const below = one.bottom <= other.top + 1 || other.bottom <= one.top + 1;
      if (!beside && !below) flaws.push(`"${one.said}" lies over "${other.said}"`);
    }
  });
  return flaws;
}

// How a colour stands out from another (WCAG 2.2, contrast ratio).
function contrast(one, other) {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

// Member names that are broken between two lines.
function split(page) {
  const texts = page.createTreeWalker(page.querySelector('main'), NodeFilter.SHOW_TEXT);
  const split = [];
  while (texts.nextNode()) {
    for (const name of texts.currentNode.data.matchAll(/core-\d+/g)) {
      const range = page.createRange();
      range.setStart(texts.currentNode, name.index);
      range.setEnd(texts.currentNode, name.index + name[0].length);
      const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (tops.size > 1) split.push(texts.currentNode.data);
    }
  }
  return split;
}

function measure(frame) {
  const page = frame.contentDocument;
  const shown = (element) => element.getBoundingClientRect().width > 0;
  const all = (selector) => [...page.querySelectorAll(selector)].filter(shown);
  const style = (element) => frame.contentWindow.getComputedStyle(element);
  const main = page.querySelector('main').getBoundingClientRect();
  const background = style(page.body).backgroundColor;
  const words = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const color = (element) => style(element)[element.namespaceURI.endsWith('svg') ? 'fill' : 'color'];
  const texts = all('main *').filter(words);
  return {
    scheme: frame.contentWindow.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
    background,
    wider: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    beyond: all('main *')
      .filter((element) => !element.closest('.scrolls, svg'))
      .filter((element) => element.getBoundingClientRect().right > main.right + 1)
      .map((element) => element.outerHTML.slice(0, 80)),
    scrolling: all('.scrolls').filter((element) => element.scrollWidth > element.clientWidth).length,
    columns: all('.overview thead th').map((heading) => heading.textContent),
    split: split(page),
    faint: texts
      .map((element) => [contrast(color(element), background), element.textContent.slice(0, 40)])
      .filter(([ratio]) => ratio < 4.5),
    drawings: all('.timeline > svg').map((drawing) => ({
      width: drawing.getBoundingClientRect().width / main.width,
      height: drawing.getBoundingClientRect().height,
      name: page.getElementById(drawing.getAttribute('aria-labelledby').split(' ')[0])?.textContent,
      text: page.getElementById(drawing.getAttribute('aria-labelledby').split(' ')[1])?.textContent,
      bars: [...drawing.querySelectorAll('.bars')].map((bars) => bars.getBBox().height),
      refused: drawing.querySelectorAll('.refused').length,
      unknown: drawing.querySelectorAll('.unknown').length,
      labels: [...drawing.querySelectorAll('.label')].map((label) => label.textContent),
      lines: [...drawing.querySelectorAll('.moment')].map((line) => line.getBBox().height),
      dry: (drawing.querySelector('.dry')?.getBBox().width ?? 0) / drawing.viewBox.baseVal.width,
      rests: drawing.querySelectorAll('.rest').length,
      flaws: flaws(drawing),
    })),
    doubled: [...page.querySelectorAll('[id]')].length - new Set([...page.querySelectorAll('[id]')].map((one) => one.id)).size,
    fetched: frame.contentWindow.performance.getEntriesByType('resource').length,
    active: page.querySelectorAll('script, iframe, object, embed, link, img, base, form').length,
    ran: frame.contentWindow.ran === true,
    said: page.body.textContent,
  };
}

addEventListener('load', () => {
  const measured = [...document.querySelectorAll('iframe')].map(measure);
  const text = document.createElement('pre');
  text.id = 'measured';
  text.textContent = JSON.stringify(measured);
  document.body.replaceChildren(text);
});
