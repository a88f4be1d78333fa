// The explorer: GraphiQL, with a sign-in for each role and ready examples.
"use strict";

const address = location.origin + "/graphql";
const EARLY_MS = 30_000;
const seat = { account: null, token: null, until: 0, language: "en" };
const element = (id) => document.getElementById(id);

const SIGN_IN = `mutation SignIn($input: PasswordSignInInput!) {
  passwordSignIn(input: $input) {
    accessToken accessTokenExpiresAt errors { ... on Problem { message } }
  }
}`;

async function signIn(account) {
  Object.assign(seat, { account, token: null, until: 0 });
  element("state").textContent = account ? "signing in…" : "not signed in";
  if (!account) return;
  const input = { email: account.email, password: account.password };
  const sent = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: SIGN_IN, variables: { input } }),
  };
  const answer = await (await fetch(address, sent)).json().catch(() => ({}));
  const payload = answer.data?.passwordSignIn;
  if (seat.account !== account) return;
  if (payload?.accessToken) {
    seat.token = payload.accessToken;
    seat.until = Date.parse(payload.accessTokenExpiresAt);
    element("state").textContent = `signed in: ${title(account.role)}`;
  } else {
    const why = payload?.errors?.[0]?.message ?? answer.errors?.[0]?.message ?? "no answer";
    element("state").textContent = `not signed in: ${why}`;
  }
}

// What says who asks: a token that is about to end is replaced first.
async function headers() {
  if (seat.token && Date.now() > seat.until - EARLY_MS) await signIn(seat.account);
  const said = { "accept-language": seat.language };
  if (seat.token) said.authorization = `Bearer ${seat.token}`;
  return said;
}

function fetcher() {
  const wsClient = graphqlWs.createClient({
    url: address.replace(/^http/, "ws"),
    connectionParams: headers,
    lazy: true,
  });
  const asking = async (url, sent) =>
    fetch(url, { ...sent, headers: { ...sent.headers, ...(await headers()) } });
  return GraphiQL.createFetcher({ url: address, wsClient, fetch: asking });
}

const page = ReactDOM.createRoot(element("graphiql"));
let shown = { key: 0, readers: [] };

// Show an example; without one, the same page asks on as whoever is signed in now.
function open(example) {
  if (example) {
    const { query, variables, readers, note } = example;
    shown = { query, variables: variables ?? "", response: "", key: shown.key + 1, readers };
    element("note").textContent = `${readers.join(", ")}: ${note}`;
  }
  const { readers: _, ...content } = shown;
  page.render(React.createElement(GraphiQL, {
    ...content,
    fetcher: fetcher(),
    defaultEditorToolsVisibility: "variables",
    isHeadersEditorEnabled: false,
    shouldPersistHeaders: false,
  }));
}

// The example for a new account: none when the one on the page is for it too.
function exampleFor(account, book) {
  const readers = account?.readers ?? book.groups.slice(0, 1);
  if (shown.readers.some((one) => readers.includes(one))) return undefined;
  const first = account?.first ?? book.first;
  return book.examples.find((one) => one.name === first);
}

// With many tabs the present one would lie outside of the bar.
function keepTabInSight() {
  let seen = null;
  const look = () => {
    const tab = document.querySelector(".graphiql-tab-active");
    if (tab && tab !== seen) tab.scrollIntoView({ block: "nearest", inline: "center" });
    seen = tab;
  };
  const watched = { subtree: true, childList: true, attributeFilter: ["class"] };
  new MutationObserver(look).observe(element("graphiql"), watched);
}

function title(role) {
  const words = role.replaceAll("_", " ").toLowerCase();
  return words[0].toUpperCase() + words.slice(1);
}

function fillAccounts(accounts) {
  accounts.forEach((one, index) => {
    element("account").add(new Option(`${title(one.role)}, ${one.email}`, index));
  });
}

function fillExamples({ groups, examples }) {
  for (const reader of groups) {
    const group = document.createElement("optgroup");
    group.label = reader;
    examples.forEach((one, index) => {
      if (one.readers.includes(reader)) group.append(new Option(one.name, index));
    });
    if (group.children.length) element("example").append(group);
  }
}

async function start() {
  const book = await (await fetch("/explorer/book.json")).json();
  fillAccounts(book.accounts);
  fillExamples(book);
  const first = book.examples.findIndex((one) => one.name === book.first);
  element("example").value = first;
  keepTabInSight();
  element("account").onchange = async (event) => {
    const account = book.accounts[event.target.value] ?? null;
    await signIn(account);
    const example = exampleFor(account, book);
    if (example) element("example").value = book.examples.indexOf(example);
    open(example);
  };
  element("example").onchange = (event) => open(book.examples[event.target.value]);
  element("language").onchange = (event) => {
    seat.language = event.target.value;
    open();
  };
  open(book.examples[first]);
}

start();
