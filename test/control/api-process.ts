// One API server as a process of its own, over the shared database. A file is the name of a service here.

import { createApi, type Desk } from '@haldane/api';
import { newRunId } from '@haldane/runner';
import { type Address, openStore } from '@haldane/store';
import { wantedRun } from './wanted-run.ts';

type Given = { readonly address: Address; readonly port: number; readonly token: string };
const { address, port, token } = JSON.parse(process.argv[2] ?? '') as Given;
const store = await openStore({ ...address, poolSize: 6 });

const desk: Pick<Desk, 'store' | 'create'> = {
  store,
  async create({ file, key = null }, permit) {
    const wanted = wantedRun(file);
    await permit(wanted, { team: 'tests', contact: 'nobody' });
    return store.runs.create({ id: newRunId(), ...wanted, key });
  },
};
const often = { burst: 1_000_000, perSecond: 100_000 };
const app = createApi({
  desk: desk as Desk,
  tokens: [token],
  alertTokens: [],
  rates: { known: often, strangers: often },
  onError: (error) => process.stderr.write(`api: ${String(error)}\n`),
});
// Each request comes over a connection of its own, so that each is balanced.
app.server.maxRequestsPerSocket = 1;
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port })}\n`);
