import { readFileSync } from 'node:fs';
import { text, whole } from '../process/environment.ts';
import { live } from '../process/life.ts';
import { startDetector } from './detector.ts';
import { readRules } from './read-rules.ts';

const file = text(process.env, 'RULES');
const detector = await startDetector({
  port: whole(process.env, 'PORT', 0),
  rules: readRules(readFileSync(file, 'utf8'), file),
  webhook: text(process.env, 'WEBHOOK_URL'),
  say: (line) => process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`),
});
live({ url: detector.url }, () => detector.close());
