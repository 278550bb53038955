// The pages that mailed links lead to: to confirm an address, to choose a new password, to sign in.
//
// The link's secret stands in the fragment, which browsers send to nobody. It is taken out of the address at once and
// goes to the server in a body.

const WORDS = {
  en: {
    email: 'E-mail address',
    password: 'Password',
    confirm: 'Confirm your address',
    confirmLead: 'Enter the password that you registered with.',
    confirmSend: 'Confirm and sign in',
    ask: 'Forgotten your password?',
    askLead: 'Enter your address. If it has an account, a letter with a link comes.',
    askSend: 'Send the link',
    asked: 'Look at your mail.',
    reset: 'Choose a new password',
    resetLead: 'At least 10 characters. You are signed out everywhere.',
    resetSend: 'Keep it',
    signIn: 'Sign in',
    signInLead: '',
    signInSend: 'Sign in',
    forgotten: 'Forgotten your password?',
    demo: 'Try it as',
    wrong_credentials: 'The address or the password is wrong.',
    link_ended: 'The link was used, or it has ended. Ask for a new one.',
    rate_limited: 'Too many attempts. Wait a little.',
    bad_request: 'The server does not take this: ',
    failed: 'The server does not answer. Try again.',
  },
  ru: {
    email: 'Адрес почты',
    password: 'Пароль',
    confirm: 'Подтвердите адрес',
    confirmLead: 'Введите пароль, с которым вы регистрировались.',
    confirmSend: 'Подтвердить и войти',
    ask: 'Забыли пароль?',
    askLead: 'Введите адрес. Если с ним есть учётная запись, придёт письмо со ссылкой.',
    askSend: 'Прислать ссылку',
    asked: 'Проверьте почту.',
    reset: 'Задайте новый пароль',
    resetLead: 'Не меньше 10 знаков. На всех устройствах будет выполнен выход.',
    resetSend: 'Сохранить',
    signIn: 'Вход',
    signInLead: '',
    signInSend: 'Войти',
    forgotten: 'Забыли пароль?',
    demo: 'Попробовать под именем',
    wrong_credentials: 'Неверный адрес или пароль.',
    link_ended: 'Ссылка уже использована или устарела. Запросите новую.',
    rate_limited: 'Слишком много попыток. Немного подождите.',
    bad_request: 'Сервер не принимает это: ',
    failed: 'Сервер не отвечает. Попробуйте ещё раз.',
  },
};

const language = navigator.language.startsWith('ru') ? 'ru' : 'en';
const words = WORDS[language];
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
history.replaceState(null, '', location.pathname);

const at = (id) => document.getElementById(id);

/** What each page shows, asks and does. */
const PAGES = {
  '/people/confirm': {
    kind: 'confirm',
    entry: 'confirm',
    fields: ['password'],
    autocomplete: 'current-password',
    body: ({ password }) => ({ token, password }),
    done: () => location.assign('/'),
  },
  '/people/reset': token
    ? {
        kind: 'reset',
        entry: 'reset',
        fields: ['password'],
        autocomplete: 'new-password',
        body: ({ password }) => ({ token, password }),
        done: () => location.assign('/people/sign-in'),
      }
    : {
        kind: 'ask',
        entry: 'reset/request',
        fields: ['email'],
        autocomplete: 'off',
        body: ({ email }) => ({ email }),
        done: () => say(words.asked),
      },
  '/people/sign-in': {
    kind: 'signIn',
    entry: 'sign-in',
    fields: ['email', 'password'],
    autocomplete: 'current-password',
    body: ({ email, password }) => ({ email, password }),
    done: () => location.assign('/'),
    other: { href: '/people/reset', text: words.forgotten },
    offers: offerDemonstration,
  },
};

const page = PAGES[location.pathname];

function say(text) {
  at('outcome').textContent = text;
}

function show() {
  document.documentElement.lang = language;
  document.title = words[page.kind];
  at('title').textContent = words[page.kind];
  at('lead').textContent = words[`${page.kind}Lead`];
  at('send').textContent = words[`${page.kind}Send`];
  for (const label of document.querySelectorAll('[data-text]')) label.textContent = words[label.dataset.text];
  for (const field of page.fields) {
    at(`${field}-field`).hidden = false;
    at('form').elements[field].required = true;
  }
  at('form').elements.password.autocomplete = page.autocomplete;
  if (page.other) {
    const link = document.createElement('a');
    link.href = page.other.href;
    link.textContent = page.other.text;
    at('other').append(link);
  }
  at('form').hidden = false;
  at('form').elements[page.fields[0]].focus();
}

/** A button for each user of the demonstration, where there is one. */
async function offerDemonstration() {
  const response = await fetch('/api/people/demo-sign-in').catch(() => undefined);
  if (!response?.ok) return;
  const { users } = await response.json();
  at('demo-title').textContent = words.demo;
  for (const { id, name } of users) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = name;
    button.addEventListener('click', () => submit('demo-sign-in', { user: id }, () => location.assign('/')));
    at('demo').append(button);
  }
  at('demo').hidden = false;
}

/** The sentence for a refusal. */
async function refusal(response) {
  const { error } = await response.json().catch(() => ({ error: {} }));
  if (error.code === 'bad_request') return words.bad_request + error.message;
  return words[error.code] ?? words.failed;
}

async function submit(entry, body, done) {
  at('send').disabled = true;
  say('');
  try {
    const response = await fetch(`/api/people/${entry}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.ok) {
      // To its end: a page that leaves before would break the answer off.
      await response.text();
      done();
    } else {
      say(await refusal(response));
    }
  } catch {
    say(words.failed);
  }
  at('send').disabled = false;
}

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = at('form').elements;
  const body = page.body({ email: form.email.value, password: form.password.value });
  submit(page.entry, body, page.done);
});

show();
page.offers?.();
