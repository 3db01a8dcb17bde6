// Removes what a build leaves behind; never the data folder.
import { readdirSync, rmSync } from 'node:fs';

const rooms = ['packages', 'services', 'examples'].flatMap((parent) => readdirSync(parent).map((room) => `${parent}/${room}`));
for (const room of [...rooms, 'pipelines']) rmSync(`${room}/dist`, { recursive: true, force: true });
for (const path of ['dist', '.tap', '.turbo', 'node_modules/.cache']) rmSync(path, { recursive: true, force: true });
