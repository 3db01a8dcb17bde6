import { awsPlatform } from './aws/index.ts';
import { localPlatform } from './local/index.ts';

export * from './aws/index.ts';
export * from './local/index.ts';
export type { SweepRow } from './sweep-row.ts';

/** The room's list: how each platform is made, by its id. */
export const platforms = { aws: awsPlatform, local: localPlatform } as const;
