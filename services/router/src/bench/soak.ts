import { residentBytes, tableText } from '@haldane/testkit';
import { startHaldane } from './haldane.ts';
import { hireLoad, startUpstream } from './servants.ts';

const connections = 64;
const looks = 20;
/** After the first looks the process has all that it needs; from there on its memory must not grow by more than this. */
const settledLooks = 4;
const mostGrowth = 1.1;

/** Sends so many million requests through the router with all that it does switched on, and looks at its memory meanwhile. */
export async function soak(millions: number, say: (text: string) => void): Promise<number> {
  if (!(millions > 0)) {
    say('--soak takes how many million requests to send\n');
    return 2;
  }
  const load = hireLoad();
  const upstream = await startUpstream(3);
  const haldane = await startHaldane(upstream.ports, 0.1);
  try {
    const seen: { readonly requests: number; readonly megabytes: number }[] = [];
    let requests = 0;
    while (requests < millions * 1e6) {
      const { answered, failed } = await load.run({ port: haldane.port, connections, ms: 2000, rate: null });
      if (failed > 0) throw new Error(`${failed} answers were not whole or not 200`);
      await haldane.assertSliced();
      requests += answered;
      if (requests >= (seen.length * millions * 1e6) / looks)
        seen.push({ requests, megabytes: (residentBytes(haldane.pid) ?? Number.NaN) / 1e6 });
    }
    const most = (some: typeof seen) => Math.max(...some.map(({ megabytes }) => megabytes));
    const growth = most(seen.slice(settledLooks)) / most(seen.slice(0, settledLooks));
    say(tableText([['requests', 'MB'], ...seen.map((look) => [String(look.requests), look.megabytes.toFixed(0)])]));
    say(`${growth <= mostGrowth ? 'flat' : 'NOT FLAT'}: the most afterwards is ${growth.toFixed(2)} of the most in the first fifth\n`);
    return growth <= mostGrowth ? 0 : 1;
  } finally {
    await Promise.all([load.stop(), upstream.stop(), haldane.stop()]);
  }
}
