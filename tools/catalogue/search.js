// The search of the page. tools/catalogue/search.py ranks the same way; a test compares the two.
"use strict";

function makeSearch(index) {
  const settings = index.settings, dimensions = index.dimensions;
  const stop = new Set(index.stop), place = new Map(index.words.map((word, number) => [word, number]));
  const vectors = unpacked(index.vectors), means = unpacked(index.means);
  const meanLength = index.lengths.reduce((sum, length) => sum + length, 0) / Math.max(index.lengths.length, 1);

  function unpacked(text) {
    const bytes = Int8Array.from(atob(text), (char) => char.charCodeAt(0));
    return Float64Array.from(bytes, (byte) => byte / 127);
  }

  function stem(word) {
    if (word.length > 4 && word.endsWith("ies")) return word.slice(0, -3) + "y";
    if (word.length > 4 && /(sses|shes|ches|xes)$/.test(word)) return word.slice(0, -2);
    if (word.length > 3 && word.endsWith("s") && !/(ss|us|is)$/.test(word)) return word.slice(0, -1);
    return word;
  }

  function wordsOf(text) {
    const found = (text.toLowerCase().match(/[a-z0-9]+/g) || []).map(stem);
    return found.filter((word) => !stop.has(word) && word.length > 1);
  }

  function known(word) {
    for (let end = word.length; end > Math.max(3, word.length - 4); end--) {
      const found = place.get(word.slice(0, end));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function product(some, at, others, from) {
    let sum = 0;
    for (let i = 0; i < dimensions; i++) sum += some[at * dimensions + i] * others[from * dimensions + i];
    return sum;
  }

  function weightOf(number) {
    const count = number < index.indexed ? index.postings[number].length / 2 : 1;
    return Math.log(1 + (index.docs.length - count + 0.5) / (count + 0.5));
  }

  function meant(word) {
    const own = known(word);
    if (own === undefined) return [];
    const near = [];
    for (let other = 0; other < index.indexed; other++) {
      const likeness = other === own ? 0 : product(vectors, other, vectors, own);
      if (likeness >= settings.least_likeness) near.push([other, likeness]);
    }
    near.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const found = near.slice(0, settings.nearest).map(([other, likeness]) => [other, settings.expansion * likeness]);
    return own < index.indexed ? [[own, 1], ...found] : found;
  }

  function search(query, limit) {
    const scores = new Float64Array(index.docs.length), meaning = new Float64Array(dimensions);
    for (const word of new Set(wordsOf(query))) {
      for (const [number, weight] of meant(word)) {
        const flat = index.postings[number], idf = weightOf(number);
        for (let at = 0; at < flat.length; at += 2) {
          const norm = settings.k1 * (1 - settings.b + (settings.b * index.lengths[flat[at]]) / meanLength);
          scores[flat[at]] += (weight * idf * flat[at + 1] * (settings.k1 + 1)) / (flat[at + 1] + norm);
        }
      }
      const own = known(word);
      if (own !== undefined) {
        const idf = weightOf(own);
        for (let i = 0; i < dimensions; i++) meaning[i] += idf * vectors[own * dimensions + i];
      }
    }
    const best = Math.max(...scores, 0), length = Math.hypot(...meaning);
    const hits = [];
    for (let doc = 0; doc < index.docs.length; doc++) {
      const likeness = length ? product(means, doc, meaning, 0) / length : 0;
      const total = (best ? scores[doc] / best : scores[doc]) + settings.meaning * Math.max(likeness, 0);
      if (total > 0) hits.push([doc, total * index.docs[doc].boost]);
    }
    hits.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    return hits.slice(0, limit).map(([doc, score]) => ({ doc: index.docs[doc], score }));
  }

  return { search, wordsOf };
}

if (typeof module !== "undefined") module.exports = { makeSearch };
