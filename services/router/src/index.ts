export { processStart } from './process-start.ts';
export { createRouter, type Router, type RouterOptions } from './router.ts';
export { liveRouter, type SpawnedRouter, spawnRouter } from './spawn-router.ts';
