export type { Address, Connection } from './connection.ts';
export { type Embedded, type EmbeddedOptions, startEmbedded } from './embedded/start-embedded.ts';
export type { EventListener } from './events/event-feed.ts';
export type { ExperimentShelf, KeptExperiment } from './experiments/experiment-shelf.ts';
export type { AlertInbox } from './inbox/alert-inbox.ts';
export { openStore, type Store, type StoreOptions } from './open-store.ts';
export { allowPool, forbidPool, type PoolRole, poolRoles } from './pools/pool-roles.ts';
export type { Settings } from './settings.ts';
