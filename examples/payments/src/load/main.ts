import { readLoadConfig } from './config.ts';
import { generateLoad } from './generator.ts';

const config = readLoadConfig(process.argv.slice(2), process.env);
const stop = new AbortController();
const end = () => stop.abort();
process.on('SIGTERM', end);
process.on('SIGINT', end);
if (process.env['ENDS_WITH_PARENT'] === '1') process.stdin.on('end', end).on('close', end).on('error', end).resume();
// Whoever read the figures may be gone before the last of them: that is no reason to die with requests in flight.
process.stdout.on('error', end);

const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const final = await generateLoad(config, { begun: () => say({ ready: true, url: config.url }), second: say }, stop.signal);
process.stdout.write(`${JSON.stringify(final)}\n`, () => process.exit(0));
