import type { DoormanOptions } from '@haldane/scheduler';

/** One look at something that waits, of one kind. */
export type Look = DoormanOptions['look'];
