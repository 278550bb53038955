// The page: two panes, each the face of one client. Text from the network is only ever `textContent`.

import { Link } from '/_try/link.js';
import { currentLanguage, listOf, useLanguage, words } from '/_try/words.js';

const KEPT_MESSAGES = 200;
const KEPT_FRAMES = 50;
const PEOPLE_HUES = 12;
/** The server ends typing after 7 s; this is for a server that is gone. */
const TYPING_LASTS_MS = 8_000;

/** One client and what of it is seen. */
class Pane {
  #letter;
  #root;
  #link;
  #entries = [];
  #frames = [];
  #members = new Map();
  #names = new Map();
  #revision = -1;
  #count = 0;
  #typing = new Map();
  #recovery = null;
  #stateDetails = {};

  constructor(letter, root) {
    this.#letter = letter;
    this.#root = root;
    this.#link = new Link((event, details) => this.#on[event](details));
    this.#listen();
    this.draw();
  }

  #on = {
    state: (details) => {
      this.#stateDetails = details;
      if (this.#link.state !== 'live') this.#forgetPeople();
      this.#drawState();
    },
    subscribed: (frame) => {
      this.#recovery = frame;
      this.#members.clear();
      this.#revision = -1;
      this.#on.members({ ...frame, type: 'joined' });
      this.#drawRecovery();
      if (frame.recovery !== 'fresh') ring();
    },
    members: (frame) => this.#changeMembers(frame),
    typing: (frame) => this.#changeTyping(frame),
    message: (frame) => this.#add({ frame }),
    failure: (error) => {
      if (error.code === 'rate_limited') {
        this.#add({ note: 'rateLimited', bad: true, values: { seconds: Math.ceil((error.retry_after_ms ?? 1000) / 1000) } });
      } else {
        this.#add({ note: 'failed', bad: true, values: { message: error.message ?? error.code } });
      }
    },
    lagged: ({ dropped }) => this.#add({ note: 'lagged', bad: true, values: { n: dropped ?? 0 } }),
    unsubscribed: ({ reason }) => this.#add({ note: 'unsubscribed', bad: true, values: { reason } }),
    bye: () => this.#add({ note: 'bye' }),
    frame: (frame) => {
      this.#frames = [...this.#frames, frame].slice(-KEPT_FRAMES);
      if (this.#part('.frames').open) this.#drawFrames();
    },
  };

  /** Draws everything: at the start, and in another language. */
  draw() {
    for (const element of this.#root.querySelectorAll('[data-text]')) element.textContent = words(element.dataset.text);
    for (const element of this.#root.querySelectorAll('[data-label]')) element.setAttribute('aria-label', words(element.dataset.label));
    for (const element of this.#root.querySelectorAll('[data-placeholder]')) element.placeholder = words(element.dataset.placeholder);
    this.#part('h2').textContent = words('client', { letter: this.#letter });
    this.#root.setAttribute('aria-label', words('client', { letter: this.#letter }));
    this.#drawState();
    this.#drawRecovery();
    this.#drawMembers();
    this.#drawTyping();
    this.#part('.messages').replaceChildren(...this.#entries.map((entry) => this.#line(entry)));
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }

  #listen() {
    const connect = this.#part('.connect');
    const publish = this.#part('.publish');
    connect.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#toggle(connect.elements.channel.value.trim(), connect.elements.name.value.trim());
    });
    this.#part('.cut').addEventListener('click', () => {
      if (this.#link.state === 'cut') this.#link.reconnect();
      else this.#link.cut();
    });
    publish.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#link.publish(publish.elements.text.value)) publish.reset();
    });
    publish.elements.text.addEventListener('input', ({ target }) => this.#link.typing(target.value !== ''));
    publish.elements.text.addEventListener('blur', () => this.#link.typing(false));
    this.#part('.frames').addEventListener('toggle', () => this.#drawFrames());
  }

  #toggle(channel, name) {
    if (!isIdle(this.#link.state)) return this.#link.disconnect();
    if (channel === '') return undefined;
    this.#entries = [];
    this.#part('.messages').replaceChildren();
    this.#recovery = null;
    this.#drawRecovery();
    return this.#link.connect(channel, name);
  }

  #forgetPeople() {
    this.#members.clear();
    this.#count = 0;
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    this.#drawMembers();
    this.#drawTyping();
  }

  /** A change that is not newer than what is known is dropped. */
  #changeMembers({ type, channel, revision, count, members }) {
    if (revision === undefined || channel !== this.#link.channel || revision <= this.#revision) return;
    this.#revision = revision;
    this.#count = count;
    for (const member of members ?? []) {
      if (type === 'left') {
        this.#members.delete(member.user);
        continue;
      }
      this.#members.set(member.user, member);
      if (typeof member.meta?.name === 'string') this.#names.set(member.user, member.meta.name);
    }
    this.#drawMembers();
    // A name that has just become known belongs to lines that are there already.
    for (const author of this.#root.querySelectorAll('.author')) author.textContent = this.#nameOf(author.dataset.user);
  }

  #changeTyping({ channel, user, active }) {
    if (channel !== this.#link.channel || user === this.#link.user) return;
    clearTimeout(this.#typing.get(user));
    this.#typing.delete(user);
    if (active) this.#typing.set(user, setTimeout(() => this.#changeTyping({ channel, user, active: false }), TYPING_LASTS_MS));
    this.#drawTyping();
  }

  #nameOf(user) {
    const name = this.#names.get(user) ?? user.replace(/^(guest:.{6}).*/u, '$1');
    return user === this.#link.user ? words('you', { name }) : name;
  }

  #add(entry) {
    this.#entries = [...this.#entries, entry].slice(-KEPT_MESSAGES);
    const list = this.#part('.messages');
    list.append(this.#line(entry));
    while (list.childElementCount > KEPT_MESSAGES) list.firstElementChild.remove();
    this.#part('.empty').hidden = true;
    const log = this.#part('.log');
    log.scrollTop = log.scrollHeight;
  }

  #line({ frame, note, values, bad }) {
    if (note) return element('li', { className: bad ? 'note bad' : 'note', textContent: words(note, values) });
    const line = element('li', { className: frame.recovered ? 'message recovered' : 'message' });
    const user = frame.from?.user ?? '';
    const author = element('span', { className: 'author', textContent: this.#nameOf(user) });
    author.dataset.user = user;
    author.dataset.hue = hueOf(user);
    const text = typeof frame.data?.text === 'string' ? frame.data.text : JSON.stringify(frame.data);
    const place = frame.offset === undefined ? '' : `#${frame.offset}`;
    const mark = frame.recovered ? `${words('recovered')} ${place}` : place;
    line.append(author, element('span', { className: 'text', textContent: text }), element('span', { className: 'offset', textContent: mark }));
    if (frame.offset !== undefined) line.dataset.offset = frame.offset;
    return line;
  }

  #drawState() {
    const { state } = this.#link;
    const idle = isIdle(state);
    this.#root.dataset.state = state;
    this.#part('.state .words').textContent = words(state === 'cut' ? 'isCut' : state, this.#stateDetails);
    const toggle = this.#part('.toggle');
    toggle.textContent = words(idle ? 'connect' : 'disconnect');
    toggle.classList.toggle('main', idle);
    const cut = this.#part('.cut');
    cut.textContent = words(state === 'cut' ? 'reconnect' : 'cut');
    cut.classList.toggle('main', state === 'cut');
    cut.disabled = state !== 'live' && state !== 'cut';
    for (const input of this.#part('.connect').querySelectorAll('input')) input.disabled = !idle;
    for (const control of this.#part('.publish').querySelectorAll('input, button')) control.disabled = state !== 'live';
    this.#part('.empty').hidden = this.#entries.length > 0;
  }

  #drawRecovery() {
    const line = this.#part('.recovery');
    const frame = this.#recovery;
    line.dataset.kind = frame?.recovery ?? '';
    line.textContent = frame ? words(frame.recovery, { n: frame.missed, reason: frame.reset_reason }) : '';
  }

  #drawMembers() {
    this.#part('.count').textContent = this.#count;
    const members = [...this.#members.keys()].map((user) => {
      const chip = element('li', { textContent: this.#nameOf(user) });
      chip.dataset.hue = hueOf(user);
      return chip;
    });
    this.#part('.members').replaceChildren(...members);
  }

  #drawTyping() {
    const names = [...this.#typing.keys()].map((user) => this.#nameOf(user));
    const text = names.length > 0 ? words('typing', { n: names.length, names: listOf(names) }) : '';
    this.#part('.typing').textContent = text;
  }

  #drawFrames() {
    const lines = this.#frames.map(({ sent, text }) =>
      element('li', { className: sent ? 'sent' : 'received', textContent: `${sent ? '→' : '←'} ${text}` }));
    const list = this.#part('.frames ol');
    list.replaceChildren(...lines);
    list.scrollTop = list.scrollHeight;
  }
}

function isIdle(state) {
  return state === 'off' || state === 'refused';
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

/** The same person has the same hue everywhere (FNV-1a). */
function hueOf(user) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(user)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % PEOPLE_HUES;
}

/** The bell rings once when a link is back. */
function ring() {
  const mark = document.querySelector('.mark');
  mark.classList.add('rings');
  mark.addEventListener('animationend', () => mark.classList.remove('rings'), { once: true });
}

function drawPage() {
  document.documentElement.lang = currentLanguage();
  document.title = words('title');
  for (const element of document.querySelectorAll('.lead[data-text]')) element.textContent = words(element.dataset.text);
  document.querySelector('.languages').setAttribute('aria-label', words('language'));
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === currentLanguage()));
  }
}

const panes = ['A', 'B'].map((letter) => {
  const root = document.getElementById('pane').content.cloneNode(true).firstElementChild;
  root.id = `pane-${letter.toLowerCase()}`;
  document.getElementById('panes').append(root);
  return new Pane(letter, root);
});
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => {
    useLanguage(button.dataset.language);
    drawPage();
    for (const pane of panes) pane.draw();
  });
}
drawPage();
