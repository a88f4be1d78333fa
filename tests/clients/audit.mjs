// Holds a server to GraphQL over HTTP: node audit.mjs URL
// Every audit of graphql-http counts alike, MUST, SHOULD and MAY: one that is not met fails the run.
import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
let failed = 0;
const audits = serverAudits({ url, fetchFn: fetch });
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === 'ok') continue;
  failed += 1;
  console.log(`${result.status} ${audit.id} ${audit.name}: ${result.reason}`);
}
console.log(`${audits.length - failed} of ${audits.length} audits met`);
process.exit(failed ? 1 : 0);
