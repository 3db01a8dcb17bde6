import { startEmbedded } from '@haldane/store';
import { Client } from 'pg';
import { text } from '../process/environment.ts';
import { live } from '../process/life.ts';

const name = 'payments';
const embedded = await startEmbedded({ dataDir: text(process.env, 'DATA_DIR') }).catch((error: Error) => {
  // Its last line is what whoever started it shows to a person.
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
const { host, port, user, password, database } = embedded.connection;

/** pg takes the folder of a unix socket as a `host` parameter: a path has no place in the authority of a URL. */
const urlOf = (which: string) =>
  `postgres://${user}:${encodeURIComponent(password)}@localhost:${port}/${which}?host=${encodeURIComponent(host)}`;

const client = new Client({ connectionString: urlOf(database) });
await client.connect();
const found = await client.query('select 1 from pg_database where datname = $1', [name]);
if (found.rowCount === 0) await client.query(`create database ${name}`);
await client.end();
// The line holds the password: whoever starts this process must keep it out of every log.
live({ url: urlOf(name) }, () => embedded.stop());
