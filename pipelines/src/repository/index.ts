export { diffSince } from './diff-since.ts';
export { Repository } from './repository.ts';
export { touchOfPath } from './touch-of-path.ts';
