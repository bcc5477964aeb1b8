"use strict";

// The data, as codegen/src/explorer/data.rs describes it.
const data = JSON.parse(document.getElementById("data").textContent);
const text = (n) => data.texts[n];
const versions = data.versions.map(([api, feature, release, derived]) => ({ api, feature, release, derived }));
const newest = versions.length - 1;
const owners = data.owners.map(([group, name, line, parts]) => {
  group = text(group);
  name = text(name);
  return { group, name, key: `${group}.${name}`, isType: group === "types", line, parts };
});
const ownerOf = new Map(owners.map((owner) => [owner.key, owner]));
const changes = data.changes.map(([group, owner, place, item, kind, name, wire, before, after, breaking, note, spans]) => ({
  group: text(group), owner: text(owner), place: text(place), item: text(item), kind: text(kind), name: text(name),
  wire: text(wire), before: text(before), after: text(after), breaking: breaking === 1, note: text(note), spans,
}));

/** The record that holds in a version, or undefined. */
function at(line, version) {
  let record = -1;
  for (let n = 0; n < line.length && line[n] <= version; n += 2) record = line[n + 1];
  return data.records[record];
}

const exists = (owner, version) => at(owner.line, version) !== undefined;

function operationAt(owner, version) {
  const record = at(owner.line, version);
  if (!record) return undefined;
  const [signature, id, method, path, answer, words, errors, since, until, unbounded] = record;
  return {
    signature: text(signature), id: text(id), method: text(method), path: text(path), answer: text(answer),
    words: text(words), errors, since, until, unbounded: unbounded === 1,
  };
}

function typeAt(owner, version) {
  const record = at(owner.line, version);
  if (!record) return undefined;
  const [kind, alias, words, joined, sent, read, file] = record;
  return {
    kind: text(kind), alias: text(alias), words: text(words), joined: text(joined), sent: sent === 1,
    read: read === 1, file: text(file),
  };
}

function partAt(line, version) {
  const record = at(line, version);
  if (!record) return undefined;
  const [item, name, wire, type, words, sent, fallback, since, until, required, secret] = record;
  return {
    item: text(item), name: text(name), wire: text(wire), type: text(type), words: text(words), sent: text(sent),
    fallback: text(fallback), since, until, required: required === 1, secret: secret === 1,
  };
}

const partsAt = (owner, version) => owner.parts.map((line) => partAt(line, version)).filter(Boolean);

/** The versions in which an owner exists. */
const life = (owner) => versions.map((_, version) => exists(owner, version));

const isBetween = (spans, from, to) => {
  for (let n = 0; n < spans.length; n += 4) {
    if (spans[n] <= from && from <= spans[n + 1] && spans[n + 2] <= to && to <= spans[n + 3]) return true;
  }
  return false;
};

const changesBetween = (from, to) => changes.filter((change) => isBetween(change.spans, from, to));

// Text as HTML.

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const esc = (text) => String(text).replace(/[&<>"']/g, (c) => escapes[c]);

const link = (version, key, part) => {
  const steps = [versions[version].feature, key, part].filter((step) => step !== undefined && step !== "");
  return "#/" + steps.map(encodeURIComponent).join("/");
};
const compareLink = (from, to) => `#/${versions[from].feature}...${versions[to].feature}`;

const named = (version) => {
  const { api, release } = versions[version];
  return release ? `${api} (${release})` : api;
};

/** A type of Rust, with links to the types in it that are in the page. */
function typeHtml(type, version) {
  return type.replace(/([A-Za-z_]\w*)|([&<>"'])/g, (all, word, sign) => {
    if (sign) return escapes[sign];
    const owner = ownerOf.get(`types.${word}`);
    return owner && exists(owner, version) ? `<a href="${link(version, owner.key)}">${word}</a>` : word;
  });
}

/** A line of our words, which are Markdown: code and addresses. */
function inline(words, version) {
  return words.split("`").map((part, n) => {
    if (n % 2) return `<code>${typeHtml(part, version)}</code>`;
    return part.split(/<(https?:[^>]+)>/).map((piece, m) =>
      m % 2 ? `<a href="${esc(piece)}" rel="noreferrer">${esc(piece)}</a>` : esc(piece)).join("");
  }).join("");
}

const paragraphs = (words, version, first = "") =>
  words ? words.split(/\n+/).map((one, n) =>
    `<p${n === 0 && first ? ` class="${first}"` : ""}>${inline(one, version)}</p>`).join("") : "";

const firstParagraph = (words) => words.split(/\n+/)[0];

const tag = (text, kind = "") => `<span class="tag ${kind}">${esc(text)}</span>`;

const many = (count, one, more = one + "s") => `${count} ${count === 1 ? one : more}`;

// Pages. Each is a title and HTML.

function partHtml(owner, part, version, whole) {
  const tags = [];
  const [first, last] = whole;
  if (part.since !== null && part.since > first) tags.push(tag(`since ${named(part.since)}`, "since"));
  if (part.until !== null && part.until < last) tags.push(tag(`until ${named(part.until)}`, "until"));
  if (part.item === "field" && part.required) tags.push(tag("required"));
  if (part.item === "body" && part.required) tags.push(tag("required"));
  if (part.fallback && part.fallback !== '""') tags.push(tag(`default ${part.fallback}`));
  if (part.secret) tags.push(tag("kept out of debug output"));
  const type = part.type ? `<span class="type">${typeHtml(part.type, version)}</span>` : "";
  const wire = part.item === "value" ? (part.wire === "" ? "the empty text" : `"${part.wire}"`)
    : part.item === "outcome" ? `status ${part.wire}`
    : part.wire && part.wire !== part.name ? part.wire : "";
  const sent = part.sent ? (wire ? `${part.sent.startsWith("in ") ? part.sent.replace(/^(in the query|in a header|in the path)/, `$1 as ${wire}`) : part.sent}` : part.sent) : wire;
  const id = part.wire || part.name;
  return `<li data-part="${esc(id)}"><div class="sig"><b><a href="${link(version, owner.key, id)}">${esc(part.name)}</a></b>${type}` +
    `${sent ? `<span class="wire">${esc(sent)}</span>` : ""}${tags.join("")}</div>${paragraphs(part.words, version)}</li>`;
}

function partsHtml(title, owner, parts, version, whole) {
  if (!parts.length) return "";
  return `<h2>${title} <small>${parts.length}</small></h2><ul class="parts">` +
    parts.map((part) => partHtml(owner, part, version, whole)).join("") + "</ul>";
}

const statuses = {
  301: "moved permanently", 304: "not modified", 400: "bad request", 401: "unauthorized", 403: "forbidden",
  404: "not found", 405: "method not allowed", 406: "not acceptable", 409: "conflict",
  500: "failure of the daemon", 501: "not implemented", 503: "not available",
};

const lifeText = (since, until) => `API ${versions[since].api} – ${versions[until].api}`;

function spanTags(since, until) {
  const tags = [];
  if (since > 0) tags.push(tag(`since ${named(since)}`, "since"));
  if (until < newest) tags.push(tag(`until ${named(until)}`, "until"));
  return tags.join("");
}

function operationPage(owner, version) {
  const operation = operationAt(owner, version);
  const title = owner.key;
  const head = `<p class="crumb">operation on ${esc(owner.group)}</p><h1 class="mono" tabindex="-1">${esc(title)}</h1>`;
  if (!operation) return { title, html: head + absentHtml(owner, version) + historyHtml(owner) };
  const whole = [operation.since ?? 0, operation.until ?? newest];
  const parts = partsAt(owner, version);
  const of = (...items) => parts.filter((part) => items.includes(part.item));
  const path = `/v${versions[version].api}${operation.path}`;
  let html = head +
    `<p class="endpoint"><span class="verb ${operation.method}">${operation.method}</span><span>${esc(path)}</span></p>` +
    `<p class="facts"><span>${lifeText(...whole)}</span>${spanTags(...whole)}<span>${esc(operation.id)}</span></p>` +
    `<div class="words">${paragraphs(operation.words, version, "lead")}</div>` +
    `<pre><code>client.${esc(owner.group)}().${typeHtml(operation.signature, version)}</code></pre>`;
  if (operation.unbounded) html += `<p class="facts">No limit on time: the daemon may take as long as it needs.</p>`;
  html += partsHtml("Arguments", owner, of("argument"), version, whole);
  html += partsHtml("Options", owner, of("option"), version, whole);
  html += partsHtml("Body", owner, of("body"), version, whole);
  html += `<h2>Answer</h2>`;
  const outcomes = of("outcome"), headers = of("header");
  if (outcomes.length || headers.length) {
    html += `<p class="mono">${typeHtml(operation.answer, version)}</p><ul class="parts">` +
      [...outcomes, ...headers].map((part) => partHtml(owner, part, version, whole)).join("") + "</ul>";
  } else {
    const inside = /(\w+)>?$/.exec(operation.answer.replace(/[<>]/g, " ").trim());
    const type = inside && ownerOf.get(`types.${inside[1]}`);
    const words = type && typeAt(type, version)?.words;
    html += `<p class="mono">${operation.answer === "()" ? "nothing: ()" : typeHtml(operation.answer, version)}</p>` +
      (words ? `<p>${inline(firstParagraph(words), version)}</p>` : "");
  }
  if (operation.errors.length) {
    html += `<h2>Failures</h2><ul class="sums">` + operation.errors.map((status) =>
      `<li>${tag(statuses[status] ? `${status} ${statuses[status]}` : status)}</li>`).join("") + "</ul>";
  }
  return { title, html: html + historyHtml(owner) };
}

const kinds = {
  struct: "struct", "enum of texts": "enum of texts", "enum of integers": "enum of integers", alias: "another name",
};

function typePage(owner, version) {
  const type = typeAt(owner, version);
  const title = owner.name;
  const head = (kind) => `<p class="crumb">type${kind}</p><h1 class="mono" tabindex="-1">${esc(title)}</h1>`;
  if (!type) return { title, html: head("") + absentHtml(owner, version) + historyHtml(owner) };
  const parts = partsAt(owner, version);
  const alive = life(owner);
  const whole = [alive.indexOf(true), alive.lastIndexOf(true)];
  const way = type.sent && type.read ? "in requests and answers" : type.sent ? "in requests" : "in answers";
  let html = head(`, ${kinds[type.kind] ?? type.kind}`) +
    `<p class="facts"><span>${lifeText(...whole)}</span>${spanTags(...whole)}<span>${way}</span></p>` +
    otherNamesHtml(owner, type.joined) + `<div class="words">${paragraphs(type.words, version, "lead")}</div>`;
  if (type.alias) html += `<pre><code>type ${esc(title)} = ${typeHtml(type.alias, version)};</code></pre>`;
  // A field has been there before the type was called what it is called now.
  const base = parts.some((part) => part.since < whole[0]) ? 0 : whole[0];
  html += partsHtml("Fields", owner, parts.filter((part) => part.item === "field"), version, [base, newest]);
  html += partsHtml("Values", owner, parts.filter((part) => part.item === "value"), version, [base, newest]);
  if (type.kind === "struct" && !parts.length) html += "<p>It has no fields.</p>";
  const uses = usesOf(owner.name, version);
  if (uses.length) {
    html += `<h2>Used by <small>${uses.length}</small></h2><ul class="used">` + uses.map(([user, part]) =>
      `<li><a href="${link(version, user.key, part)}">${esc(user.isType ? user.name : user.key)}${part ? "." + esc(part) : ""}</a></li>`).join("") + "</ul>";
  }
  return { title, html: html + historyHtml(owner) };
}

function usesOf(name, version) {
  const word = new RegExp(`\\b${name}\\b`);
  const uses = [];
  for (const owner of owners) {
    if (!exists(owner, version)) continue;
    if (owner.isType) {
      if (word.test(typeAt(owner, version).alias)) uses.push([owner]);
    } else if (word.test(operationAt(owner, version).answer)) uses.push([owner]);
    for (const part of partsAt(owner, version)) {
      if (word.test(part.type)) uses.push([owner, part.wire || part.name]);
    }
  }
  return uses;
}

/** What a type is called in other versions. */
function otherNamesHtml(owner, joined) {
  if (!joined) return "";
  const others = owners.filter((other) => other.isType && other !== owner &&
    versions.some((_, version) => typeAt(other, version)?.joined === joined));
  if (!others.length) return "";
  const names = others.map((other) => {
    const alive = versions.map((_, version) => typeAt(other, version)?.joined === joined);
    const [first, last] = [alive.indexOf(true), alive.lastIndexOf(true)];
    return `<a class="mono" href="${link(last, other.key)}">${esc(other.name)}</a> in ${versions[first].api} – ${versions[last].api}`;
  });
  return `<p class="facts"><span>In other versions: ${names.join(", ")}</span></p>`;
}

function absentHtml(owner, version) {
  const alive = life(owner);
  const first = alive.indexOf(true), last = alive.lastIndexOf(true);
  const near = version < first ? first : version > last ? last : alive.indexOf(true, version);
  const why = version < first ? `It comes with ${named(first)}.` : version > last ? `It is gone after ${named(last)}.` : "Other versions have it.";
  const joined = owner.isType ? typeAt(owner, near).joined : "";
  const now = joined && owners.find((other) => other.isType && typeAt(other, version)?.joined === joined);
  const called = now ? ` Here it is called <a class="mono" href="${link(version, now.key)}">${esc(now.name)}</a>.` : "";
  return `<div class="note"><b>Not in API ${versions[version].api}.</b> ${esc(why)}${called} ` +
    `<a href="${link(near, owner.key)}">Show it in ${versions[near].api}</a></div>`;
}

/** What became of an operation or type, newest first. */
function historyOf(owner) {
  const own = changes.filter((change) => change.group === owner.group && change.owner === owner.name);
  const found = [];
  for (let version = newest; version > 0; version--) {
    const here = own.filter((change) => isBetween(change.spans, version - 1, version));
    if (here.length) found.push([version, here]);
  }
  return found;
}

function historyHtml(owner) {
  const found = historyOf(owner);
  if (!found.length) return "";
  return "<h2>History</h2>" + found.map(([version, here]) =>
    `<h3><a href="${compareLink(version - 1, version)}">${esc(versions[version].api)}</a> <small>${esc(versions[version].release ?? "")}</small></h3>` +
    changesHtml(here, version - 1, version, false)).join("");
}

// Changes, worded as `cargo xtask diff` does.

const signs = { added: "+", removed: "−", renamed: "~", changed: "~" };
const itemNames = { error: "error status" };
const own = (change) => change.item === "operation" || change.item === "type";

function whatHtml(change, from, to) {
  const before = typeHtml(change.before, from), after = typeHtml(change.after, to);
  const arrow = ' <span class="arrow">→</span> ';
  const both = change.before && change.after;
  const name = esc(change.name);
  if (change.kind === "renamed" && both) return before + arrow + after;
  if (both && ["answer", "body", "operation"].includes(change.item)) return before + arrow + after;
  if (both) return `${name}: ${before}${arrow}${after}`;
  const detail = before || after;
  if (detail && ["operation", "outcome", "setter", "body"].includes(change.item)) return detail;
  if (detail && change.item !== "type") return `${name}: ${detail}`;
  if (change.item === "value" && change.wire) return `${name} = "${esc(change.wire)}"`;
  return name;
}

function wordsOf(change, from, to) {
  const version = change.kind === "removed" ? from : change.kind === "added" ? to : undefined;
  const owner = ownerOf.get(`${change.group}.${change.owner}`);
  if (version === undefined || !owner || !exists(owner, version)) return "";
  if (change.item === "operation") return operationAt(owner, version).words;
  if (change.item === "type") return typeAt(owner, version).words;
  const part = partsAt(owner, version).find((part) => part.item === change.item && part.name === change.name);
  return part ? part.words : "";
}

function changesHtml(list, from, to, withWords) {
  return '<ul class="changes">' + list.map((change) => {
    const version = change.kind === "removed" ? from : to;
    const key = `${change.group}.${change.owner}`;
    const owner = ownerOf.get(key);
    const item = change.item === "type" && change.kind !== "changed" && (change.before === "") !== (change.after === "")
      ? change.before || change.after : itemNames[change.item] ?? change.item;
    const words = withWords ? firstParagraph(wordsOf(change, from, to)) : "";
    const note = change.note ? ` <span>(${inline(change.note, version)})</span>` : "";
    const href = withWords && owner ? link(version, key, own(change) ? "" : change.wire) : "";
    return `<li><span class="sign ${change.kind}" title="${change.kind}" role="img" aria-label="${change.kind}">${signs[change.kind]}</span>` +
      `<span class="what">${change.breaking ? tag("breaking", "breaking") + " " : ""}<span>${href ? `<a href="${href}">${esc(item)}</a>` : esc(item)}</span> ${whatHtml(change, from, to)}${note}</span>` +
      (words ? `<p>${inline(words, version)}</p>` : "") + "</li>";
  }).join("") + "</ul>";
}

/** A place in words: `<` leads into the body of a request, and `>` into the answer. */
const placeText = (place) => place.replace(/ < ?/, " · request ").replace(/ > ?/, " · answer ").trim();

/** Chunks of neighbours with one key. */
function chunks(list, key) {
  const found = [];
  for (const entry of list) {
    const last = found[found.length - 1];
    if (last && last[0] === key(entry)) last[1].push(entry);
    else found.push([key(entry), [entry]]);
  }
  return found;
}

function comparePage(from, to, breakingOnly) {
  const all = changesBetween(from, to);
  const breaking = all.filter((change) => change.breaking).length;
  const list = breakingOnly ? all.filter((change) => change.breaking) : all;
  const options = (chosen) => versions.map((_, version) =>
    `<option value="${version}"${version === chosen ? " selected" : ""}>${esc(named(version))}</option>`).join("");
  const [a, b] = [versions[from], versions[to]];
  const moving = `code that moves from <code>${a.feature}</code> to <code>${b.feature}</code>`;
  const summary = from === to ? "These are the same version: choose another."
    : !all.length ? "Nothing changes."
    : breaking ? `${many(all.length, "change")}, of which ${breaking} can break ${moving}.`
    : `${many(all.length, "change")}, none of which breaks ${moving}.`;
  const sums = ["added", "removed", "renamed", "changed"].map((kind) => [kind, all.filter((change) => change.kind === kind).length])
    .filter(([, count]) => count).map(([kind, count]) => `<li>${tag(`${count} ${kind}`, { added: "since", removed: "removed" }[kind] ?? "")}</li>`);
  let html = `<p class="crumb">what changes</p><h1 tabindex="-1">${esc(named(from))} → ${esc(named(to))}</h1>` +
    `<div class="choose"><label>From<select id="from">${options(from)}</select></label>` +
    `<label>To<select id="to">${options(to)}</select></label><button id="swap" type="button">Swap</button>` +
    `<span class="check"><input id="breaking" type="checkbox"${breakingOnly ? " checked" : ""}><label for="breaking">Breaking ones only</label></span></div>` +
    `<p class="lead">${summary}</p><ul class="sums">${sums.join("")}</ul>` +
    `<p class="facts"><span>The same for a terminal: <code>cargo xtask diff ${a.feature} ${b.feature}</code></span></p>`;
  for (const [group, inGroup] of chunks(list, (change) => change.group)) {
    html += `<h2>${group === "types" ? "Types" : `Operations on ${esc(group)}`} <small>${inGroup.length}</small></h2>`;
    for (const [, ofOwner] of chunks(inGroup, (change) => `${change.owner} ${change.place}`)) {
      const change = ofOwner[0];
      const key = `${change.group}.${change.owner}`;
      const version = change.kind === "removed" && own(change) ? from : to;
      html += `<h3 class="owner"><b><a href="${link(version, key)}">${esc(group === "types" ? change.owner : key)}</a></b><span>${esc(placeText(change.place))}</span></h3>` +
        changesHtml(ofOwner, from, to, true);
    }
  }
  return { title: `${a.api} → ${b.api}`, html };
}

// What each version changes, told once.
const steps = versions.map((_, version) => {
  const list = version ? changesBetween(version - 1, version) : [];
  return { all: list.length, breaking: list.filter((change) => change.breaking).length };
});

function overviewPage(version) {
  const { api, feature, release, derived } = versions[version];
  const here = owners.filter((owner) => exists(owner, version));
  const operations = here.filter((owner) => !owner.isType);
  const most = Math.max(...steps.map((step) => step.all), 1);
  const step = steps[version];
  const bars = steps.map((step, n) => {
    const height = (count) => `${(count / most * 78).toFixed(1)}%`;
    const label = n ? `${named(n)}: ${many(step.all, "change")}, ${step.breaking} breaking` : `${named(n)}: the first version`;
    const classes = [n === version && "now", (n === 0 || n === newest || versions[n].api.endsWith("0")) && "tick"].filter(Boolean).join(" ");
    return `<li class="${classes}"><a href="${n ? compareLink(n - 1, n) : link(n)}" title="${esc(label)}" aria-label="${esc(label)}">` +
      `<i style="height:${height(step.all - step.breaking)}"></i><i class="breaking" style="height:${height(step.breaking)}"></i><small>${esc(versions[n].api.replace(/^1\./, "."))}</small></a></li>`;
  });
  let html = `<p class="crumb">Docker Engine API</p><h1 tabindex="-1">API ${esc(api)}${release ? ` · ${esc(release)}` : ""}</h1>` +
    `<p class="lead">${many(operations.length, "operation")} and ${many(here.length - operations.length, "type")}` +
    (version ? `. Since ${esc(versions[version - 1].api)}, <a href="${compareLink(version - 1, version)}">${many(step.all, "change")}</a>` +
      `${step.breaking ? `, of which ${step.breaking} can break code` : ""}.` : ".") + "</p>" +
    (derived ? `<p class="note">No description of this version was ever published: it is derived from that of ${esc(derived)}.</p>` : "") +
    `<pre><code>cargo add docker-api-gen --features ${esc(feature)}</code></pre>` +
    `<h2>What each version changes</h2><ol class="chart">${bars.join("")}</ol>` +
    `<p class="legend"><span><i></i>changes</span><span><i class="breaking"></i>of these, breaking</span></p>`;
  for (const [group, list] of chunks(operations, (owner) => owner.group)) {
    html += `<h2>${esc(group)} <small>${list.length}</small></h2><ul class="list">` + list.map((owner) => {
      const operation = operationAt(owner, version);
      return `<li><a href="${link(version, owner.key)}">${esc(owner.name)}</a><span>${inline(firstParagraph(operation.words), version)}</span></li>`;
    }).join("") + "</ul>";
  }
  return { title: `API ${api}`, html };
}

// Search: every operation, type and part, as its newest version has it.

const index = [];
const pathOf = (owner, part) => [owner.isType ? owner.name : owner.key, ...(part ? [part.name] : [])].join(".").toLowerCase();
for (const owner of owners) {
  const last = life(owner).lastIndexOf(true);
  const own = owner.isType ? typeAt(owner, last) : operationAt(owner, last);
  const more = owner.isType ? "" : `${own.id} ${own.method} ${own.path}`;
  index.push({
    owner, line: owner.line, version: last, name: owner.name.toLowerCase(), path: pathOf(owner),
    context: `${owner.key} ${more}`.toLowerCase(), words: own.words, lower: own.words.toLowerCase(),
  });
  for (const line of owner.parts) {
    let version = newest;
    while (!at(line, version)) version--;
    const part = partAt(line, version);
    if (part.item === "body") continue;
    index.push({
      owner, part, line, version, name: part.name.toLowerCase(), path: pathOf(owner, part),
      context: `${part.wire} ${owner.key}`.toLowerCase(), words: part.words, lower: part.words.toLowerCase(),
    });
  }
}

function score(entry, terms, path) {
  // What is written as the page writes it comes first.
  let sum = entry.path.startsWith(path) ? 120 : entry.path.includes(path) ? 60 : 0;
  let ofName = false;
  for (const term of terms) {
    const name = entry.name === term ? 100 : entry.name.startsWith(term) ? 60 : entry.name.includes(term) ? 40 : 0;
    const found = name || (entry.context.includes(term) ? 25 : entry.lower.includes(term) ? 8 : 0);
    if (!found) return 0;
    ofName ||= name > 0;
    sum += found;
  }
  // A part that is only found by what it belongs to says nothing that the owner does not.
  if (entry.part && !ofName && !terms.some((term) => entry.part.wire.toLowerCase().includes(term) || entry.lower.includes(term))) return 0;
  return sum + (entry.part ? 0 : entry.owner.isType ? 6 : 10) - (entry.owner.name.length + entry.name.length) / 100;
}

const termsOf = (query) => query.toLowerCase().split(/[\s.]+/).filter(Boolean);

function find(query, version) {
  const terms = termsOf(query);
  if (!terms.length) return [];
  const path = terms.join(".");
  return index.map((entry) => [score(entry, terms, path), entry]).filter(([points]) => points > 0)
    .map(([points, entry]) => [points + (at(entry.line, version) ? 15 : 0), entry])
    .sort((a, b) => b[0] - a[0]).map(([, entry]) => entry);
}

function marked(text, terms) {
  const lower = text.toLowerCase();
  const on = new Array(text.length).fill(false);
  for (const term of terms) {
    for (let n = lower.indexOf(term); n >= 0; n = lower.indexOf(term, n + 1)) on.fill(true, n, n + term.length);
  }
  return chunks([...text].map((c, n) => [c, on[n]]), (pair) => pair[1])
    .map(([is, pairs]) => { const part = esc(pairs.map((pair) => pair[0]).join("")); return is ? `<mark>${part}</mark>` : part; }).join("");
}

const SHOWN = 80;

function searchPage(query, version) {
  const found = find(query, version);
  const terms = termsOf(query);
  const title = `Search: ${query}`;
  const count = found.length > SHOWN ? `${SHOWN} of ${many(found.length, "match", "matches")}` : many(found.length, "match", "matches");
  const rows = found.slice(0, SHOWN).map((entry, n) => {
    const here = at(entry.line, version) !== undefined;
    const shown = here ? version : entry.version;
    const name = entry.owner.isType ? entry.owner.name : entry.owner.key;
    const full = entry.part ? `${name}.${entry.part.name}` : name;
    const kind = entry.part ? entry.part.item : entry.owner.isType ? "type" : "operation";
    const firstHere = versions.findIndex((_, v) => at(entry.line, v));
    const when = here ? "" : tag(version < firstHere ? `since ${named(firstHere)}` : `until ${named(entry.version)}`, version < firstHere ? "since" : "until");
    const wire = entry.part && entry.part.wire && entry.part.wire !== entry.part.name ? `<span class="wire">${marked(entry.part.wire, terms)}</span>` : "";
    return `<li role="presentation"><a role="option" id="result-${n}" aria-selected="${n === 0}" class="${here ? "" : "gone"}" href="${link(shown, entry.owner.key, entry.part ? entry.part.wire || entry.part.name : "")}">` +
      `<span class="title"><span>${marked(full, terms)}</span>${tag(kind)}${wire}${when}</span>` +
      (entry.words ? `<span class="words">${marked(firstParagraph(entry.words).replaceAll("`", ""), terms)}</span>` : "") + "</a></li>";
  });
  return {
    title,
    html: `<p class="crumb" role="status">${count} for “${esc(query)}”</p>` +
      (rows.length ? `<ul class="results" role="listbox" id="results" aria-label="Matches">${rows.join("")}</ul>`
        : `<div class="note">Nothing in any version is called that or says that.</div>`),
  };
}

// The address: `#/v1_44`, `#/v1_44/containers.stop/signal`, `#/v1_41...v1_44`, `#/v1_44/search/memory`.

const versionOf = (feature) => versions.findIndex((version) => version.feature === feature || version.api === feature || `v${version.api}` === feature);

function route(hash) {
  const steps = hash.replace(/^#\/?/, "").split("/").map((step) => { try { return decodeURIComponent(step); } catch { return step; } });
  const pair = /^(.+?)\.\.\.(.+)$/.exec(steps[0]);
  if (pair) {
    const [from, to] = [versionOf(pair[1]), versionOf(pair[2])];
    if (from >= 0 && to >= 0) return { page: "compare", from, version: to, breaking: steps[1] === "breaking" };
  }
  const known = versionOf(steps[0]);
  const version = known < 0 ? newest : known;
  const [key, ...part] = known < 0 ? steps : steps.slice(1);
  if (key === "search") return { page: "search", version, query: part.join("/") };
  if (key && ownerOf.has(key)) return { page: "owner", version, owner: ownerOf.get(key), part: part.join("/") };
  return { page: "overview", version, lost: key || (known < 0 && steps[0] && steps[0] !== "main" ? steps[0] : "") };
}

// What stands on the screen.

const $ = (id) => document.getElementById(id);
const main = $("main"), nav = $("nav"), search = $("search"), slider = $("slider"), cells = $("cells");
let now = { page: "", version: newest };
let beforeSearch = "";
const open = new Set();

slider.max = newest;
slider.style.setProperty("--versions", versions.length);
cells.innerHTML = versions.map(() => "<i></i>").join("");

function go(hash, how = "push") {
  if (how === "push") {
    location.hash = hash;
    return;
  }
  try {
    // Browsers refuse when it is done too often, as by moving the slider.
    history.replaceState(null, "", hash);
  } catch { /* The address is behind until the next move. */ }
  show(hash);
}

/** The same page for another version. */
function addressAt(version) {
  if (now.page === "compare") return compareLink(now.from, version) + (now.breaking ? "/breaking" : "");
  if (now.page === "owner") return link(version, now.owner.key, now.part);
  if (now.page === "search") return `${link(version)}/search/${encodeURIComponent(now.query)}`;
  return link(version);
}

function show(hash = location.hash) {
  const next = route(hash);
  const { version } = next;
  const page = next.page === "compare" ? comparePage(next.from, version, next.breaking)
    : next.page === "search" ? searchPage(next.query, version)
    : next.page === "owner" ? (next.owner.isType ? typePage : operationPage)(next.owner, version)
    : overviewPage(version);
  const same = next.page === now.page && next.owner === now.owner;
  now = next;
  const lost = next.lost ? `<div class="note">There is no <code>${esc(next.lost)}</code> in any version.</div>` : "";
  main.innerHTML = lost + page.html + keysHtml;
  document.title = `${page.title} · API ${versions[version].api} · docker-api-gen`;
  showVersion();
  showNav();
  if (next.page === "search") {
    if (document.activeElement !== search) search.value = next.query;
  } else {
    search.value = "";
  }
  search.setAttribute("aria-expanded", String(next.page === "search"));
  search.setAttribute("aria-activedescendant", next.page === "search" && $("result-0") ? "result-0" : "");
  nav.classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  const part = next.part && [...main.querySelectorAll("[data-part]")].find((entry) => entry.dataset.part === next.part);
  if (part) {
    part.classList.add("here");
    part.scrollIntoView({ block: "center" });
  } else if (!same) {
    scrollTo(0, 0);
  }
  return same;
}

const keysHtml = `<p class="keys"><kbd>/</kbd> search · <kbd>[</kbd> <kbd>]</kbd> older and newer version · <kbd>c</kbd> compare · <kbd>Esc</kbd> leave the search. ` +
  `Dots over the versions mark those that change what is shown.</p>`;

function showVersion() {
  const { api, release } = versions[now.version];
  $("version").innerHTML = `<b>API ${esc(api)}</b> <span>${esc(release ?? "")}</span>`;
  slider.value = now.version;
  slider.setAttribute("aria-valuetext", named(now.version));
  $("older").disabled = now.version === 0;
  $("newer").disabled = now.version === newest;
  const from = now.version ? now.version - 1 : 0;
  $("compare").href = now.page === "compare" ? link(now.version) : compareLink(from, now.version || 1);
  $("compare").textContent = now.page === "compare" ? "Overview" : "Compare";
  const changed = new Set(now.owner ? historyOf(now.owner).map(([version]) => version) : []);
  const low = Math.min(now.from, now.version), high = Math.max(now.from, now.version);
  const on = (version) => now.page === "compare" ? low <= version && version <= high : !now.owner || exists(now.owner, version);
  [...cells.children].forEach((cell, version) => {
    cell.className = [!on(version) && "off", version === now.version && "now", changed.has(version) && "changed"].filter(Boolean).join(" ");
  });
}

function showNav() {
  const { version } = now;
  const here = owners.filter((owner) => exists(owner, version));
  const file = (owner) => owner.isType ? `types/${typeAt(owner, version).file}` : owner.group;
  if (now.owner && exists(now.owner, version)) open.add(file(now.owner));
  const group = (list) => {
    const groups = new Map();
    for (const owner of list) groups.set(file(owner), [...(groups.get(file(owner)) ?? []), owner]);
    return [...groups];
  };
  const section = ([name, list]) =>
    `<details data-group="${esc(name)}"${open.has(name) ? " open" : ""}><summary>${esc(name.replace("types/", "").replaceAll("_", " "))} <small>${list.length}</small></summary><ul>` +
    list.map((owner) => `<li><a href="${link(version, owner.key)}"${owner === now.owner ? ' aria-current="page"' : ""}>${esc(owner.name)}</a></li>`).join("") + "</ul></details>";
  const kept = nav.scrollTop;
  const types = group(here.filter((owner) => owner.isType)).sort(([a], [b]) => a < b ? -1 : 1);
  nav.innerHTML = `<p class="head">Operations</p>${group(here.filter((owner) => !owner.isType)).map(section).join("")}` +
    `<p class="head">Types</p>${types.map(section).join("")}`;
  nav.scrollTop = kept;
  const current = nav.querySelector("[aria-current]");
  if (current) {
    const [a, b] = [current.getBoundingClientRect(), nav.getBoundingClientRect()];
    if (a.top < b.top || a.bottom > b.bottom) nav.scrollTop += a.top - b.top - b.height / 3;
  }
}

nav.addEventListener("toggle", (event) => {
  const { group } = event.target.dataset;
  if (event.target.open) open.add(group);
  else open.delete(group);
}, true);

addEventListener("hashchange", () => {
  const same = show();
  const heading = main.querySelector("h1");
  if (!same && heading && now.page !== "search") heading.focus({ preventScroll: true });
});

slider.addEventListener("input", () => go(addressAt(Number(slider.value)), "replace"));
const move = (by) => {
  const version = Math.min(newest, Math.max(0, now.version + by));
  if (version !== now.version) go(addressAt(version), "replace");
};
$("older").addEventListener("click", () => move(-1));
$("newer").addEventListener("click", () => move(1));

main.addEventListener("change", () => {
  if (now.page !== "compare") return;
  const hash = compareLink(Number($("from").value), Number($("to").value)) + ($("breaking").checked ? "/breaking" : "");
  const focused = document.activeElement.id;
  go(hash, "replace");
  if (focused) $(focused)?.focus();
});
main.addEventListener("click", (event) => {
  if (event.target.id === "swap") go(compareLink(now.version, now.from) + (now.breaking ? "/breaking" : ""), "replace");
});

search.setAttribute("role", "combobox");
search.setAttribute("aria-controls", "results");
search.setAttribute("aria-autocomplete", "list");
search.addEventListener("input", () => {
  const query = search.value.trim();
  if (now.page !== "search") beforeSearch = location.hash;
  const address = `${link(now.version)}/search/${encodeURIComponent(query)}`;
  if (!query) leaveSearch();
  // One step in the history for the whole search.
  else if (now.page === "search") go(address, "replace");
  else {
    history.pushState(null, "", address);
    show();
  }
});

function leaveSearch() {
  if (now.page === "search") go(beforeSearch || link(now.version), "replace");
  search.value = "";
}

search.addEventListener("keydown", (event) => {
  const results = [...main.querySelectorAll("[role=option]")];
  const at = results.findIndex((result) => result.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!results.length) return;
    event.preventDefault();
    const next = Math.min(results.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
    results.forEach((result, n) => result.setAttribute("aria-selected", String(n === next)));
    search.setAttribute("aria-activedescendant", results[next].id);
    results[next].scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && results[at]) {
    event.preventDefault();
    search.blur();
    go(results[at].getAttribute("href"));
  } else if (event.key === "Escape") {
    event.preventDefault();
    leaveSearch();
    search.blur();
  }
});

addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input:not([type=checkbox]):not([type=range]), select, textarea");
  if (event.key === "Escape" && nav.classList.contains("open")) $("menu").click();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "[") move(-1);
  else if (event.key === "]") move(1);
  else if (event.key === "c" && now.page !== "compare") go($("compare").getAttribute("href"));
});

$("menu").addEventListener("click", (event) => {
  const isOpen = nav.classList.toggle("open");
  $("menu").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) nav.querySelector("summary")?.focus();
  else $("menu").focus();
  event.stopPropagation();
});
addEventListener("click", (event) => {
  if (nav.classList.contains("open") && !nav.contains(event.target)) {
    nav.classList.remove("open");
    $("menu").setAttribute("aria-expanded", "false");
  }
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

// Light and dark: as the system has it, unless one is chosen.

const themes = { auto: "◐", light: "☀", dark: "☾" };
let theme = "auto";
try { theme = localStorage.getItem("docker-api-gen-theme") ?? "auto"; } catch { /* Some browsers keep nothing for files. */ }
if (!themes[theme]) theme = "auto";

function showTheme() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const label = `Colours: ${theme === "auto" ? "as the system has them" : theme}`;
  $("theme").textContent = themes[theme];
  $("theme").title = label;
  $("theme").setAttribute("aria-label", label);
}

$("theme").addEventListener("click", () => {
  const names = Object.keys(themes);
  theme = names[(names.indexOf(theme) + 1) % names.length];
  try { localStorage.setItem("docker-api-gen-theme", theme); } catch { /* As above. */ }
  showTheme();
});

showTheme();
show();
