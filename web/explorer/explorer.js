// The explorer: GraphiQL, with a sign-in for each role and ready examples.
"use strict";

const address = location.origin + "/graphql";
const seat = { token: null, language: "en" };

function headers() {
  const sent = { "accept-language": seat.language };
  if (seat.token) sent.authorization = `Bearer ${seat.token}`;
  return sent;
}

async function ask(query, variables) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers() },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json();
}

const SIGN_IN = `mutation SignIn($input: PasswordSignInInput!) {
  passwordSignIn(input: $input) { accessToken errors { __typename ... on Problem { message } } }
}`;

async function signIn(account) {
  seat.token = null;
  if (account) {
    const answer = await ask(SIGN_IN, { input: { email: account.email, password: account.password } });
    seat.token = answer.data?.passwordSignIn?.accessToken ?? null;
  }
  const state = document.getElementById("state");
  state.textContent = seat.token ? `${account.role}: ${account.email}` : "not signed in";
  open();
}

function fetcher() {
  const client = graphqlWs.createClient({
    url: address.replace(/^http/, "ws"),
    connectionParams: headers,
    lazy: true,
  });
  return GraphiQL.createFetcher({ url: address, wsClient: client, headers: headers() });
}

const page = ReactDOM.createRoot(document.getElementById("graphiql"));
let shown = { query: undefined, variables: undefined, key: 0 };

function open(example) {
  if (example) shown = { query: example.query, variables: example.variables, key: shown.key + 1 };
  page.render(React.createElement(GraphiQL, {
    key: shown.key,
    fetcher: fetcher(),
    query: shown.query,
    variables: shown.variables,
    defaultEditorToolsVisibility: "variables",
    shouldPersistHeaders: false,
  }));
}

function fill(select, entries, label) {
  entries.forEach((entry, index) => select.add(new Option(label(entry), String(index))));
}

async function start() {
  const book = await (await fetch("/explorer/book.json")).json();
  const account = document.getElementById("account");
  const example = document.getElementById("example");
  const language = document.getElementById("language");
  fill(account, book.accounts, (one) => `${one.role} — ${one.email}`);
  fill(example, book.examples, (one) => one.name);
  account.onchange = () => signIn(book.accounts[account.value]);
  example.onchange = () => open(book.examples[example.value]);
  language.onchange = () => { seat.language = language.value; open(); };
  open(book.examples.find((one) => one.name.startsWith("storefront")) ?? book.examples[0]);
}

start();
