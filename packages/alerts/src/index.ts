/** The room's list: one line a way in which alerts arrive. */
export * from './webhook/index.ts';
