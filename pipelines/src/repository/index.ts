export { diffSince } from './diff-since.ts';
export { Repository } from './repository.ts';
