// The page's words, in English and Russian.

const ENGLISH = {
  title: 'Veche: two clients',
  language: 'Language',
  lead:
    'Two independent clients of this server. Connect both, publish in one and see it in the other. Then cut a ' +
    'link, publish while it is down, and reconnect: what was missed comes back, once and in order.',
  client: 'Client {letter}',
  name: 'Name',
  optional: 'optional',
  channel: 'Channel',
  connect: 'Connect',
  disconnect: 'Disconnect',
  cut: 'Cut the link',
  reconnect: 'Reconnect',
  here: 'Here now',
  messages: 'Messages',
  empty: 'Nothing yet. What this client receives appears here.',
  message: 'Message',
  publish: 'Publish',
  frames: 'Raw frames',
  recovered: 'recovered',
  you: '{name} (you)',
  off: 'Not connected',
  connecting: 'Connecting',
  live: 'Connected',
  waiting: 'Link lost, trying again in {seconds} s',
  isCut: 'Link cut',
  refused: 'Closed by the server ({code})',
  fresh: 'Recovery: fresh. A new subscription starts here.',
  up_to_date: 'Recovery: up_to_date. Nothing was missed.',
  replay: { one: 'Recovery: replay. {n} missed message follows.', other: 'Recovery: replay. {n} missed messages follow.' },
  reset: 'Recovery: reset ({reason}). The gap cannot be closed.',
  typing: { one: '{names} is typing', other: '{names} are typing' },
  failed: 'Refused: {message}',
  rateLimited: 'Too many messages: try again in {seconds} s.',
  lagged: { one: '{n} message was dropped: this client reads too slowly.', other: '{n} messages were dropped: this client reads too slowly.' },
  unsubscribed: 'The server ended the subscription: {reason}',
  bye: 'The server is stopping.',
};

const RUSSIAN = {
  title: 'Veche: два клиента',
  language: 'Язык',
  lead:
    'Два независимых клиента этого сервера. Подключите оба, отправьте сообщение в одном и увидите его в другом. ' +
    'Затем оборвите связь, отправьте что-нибудь без неё и подключитесь снова: пропущенное придёт по порядку и ' +
    'ровно один раз.',
  client: 'Клиент {letter}',
  name: 'Имя',
  optional: 'необязательно',
  channel: 'Канал',
  connect: 'Подключить',
  disconnect: 'Отключить',
  cut: 'Оборвать связь',
  reconnect: 'Вернуть связь',
  here: 'Сейчас здесь',
  messages: 'Сообщения',
  empty: 'Пока пусто. Здесь появится то, что получит этот клиент.',
  message: 'Сообщение',
  publish: 'Отправить',
  frames: 'Кадры протокола',
  recovered: 'восстановлено',
  you: '{name} (вы)',
  off: 'Не подключён',
  connecting: 'Подключается',
  live: 'На связи',
  waiting: 'Связь потеряна, повтор через {seconds} с',
  isCut: 'Связь оборвана',
  refused: 'Закрыто сервером ({code})',
  fresh: 'Восстановление: fresh. Подписка начинается отсюда.',
  up_to_date: 'Восстановление: up_to_date. Ничего не пропущено.',
  replay: {
    one: 'Восстановление: replay. Следует {n} пропущенное сообщение.',
    few: 'Восстановление: replay. Следуют {n} пропущенных сообщения.',
    other: 'Восстановление: replay. Следуют {n} пропущенных сообщений.',
  },
  reset: 'Восстановление: reset ({reason}). Пропуск закрыть нельзя.',
  typing: { one: '{names} печатает', other: '{names} печатают' },
  failed: 'Отказ: {message}',
  rateLimited: 'Слишком много сообщений: повторите через {seconds} с.',
  lagged: {
    one: 'Отброшено {n} сообщение: клиент читает слишком медленно.',
    few: 'Отброшено {n} сообщения: клиент читает слишком медленно.',
    other: 'Отброшено {n} сообщений: клиент читает слишком медленно.',
  },
  unsubscribed: 'Сервер завершил подписку: {reason}',
  bye: 'Сервер останавливается.',
};

const LANGUAGES = { en: ENGLISH, ru: RUSSIAN };

let language = (navigator.language ?? 'en').toLowerCase().startsWith('ru') ? 'ru' : 'en';

/** The language in use: `en` or `ru`. */
export function currentLanguage() {
  return language;
}

/** Changes the language; the page draws itself again. */
export function useLanguage(next) {
  language = next in LANGUAGES ? next : 'en';
}

/** The words under a key, with `{name}` replaced; where they depend on a number, `n` chooses. */
export function words(key, values = {}) {
  const entry = LANGUAGES[language][key];
  const form = typeof entry === 'string' ? entry : plural(entry, values.n ?? 0);
  return form.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

function plural(forms, n) {
  return forms[new Intl.PluralRules(language).select(n)] ?? forms.other;
}

/** A list of names, joined as the language joins them. */
export function listOf(names) {
  return new Intl.ListFormat(language, { type: 'conjunction' }).format(names);
}
