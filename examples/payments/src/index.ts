export { type PaymentsEnvironment, type Surroundings, type SurroundingsOptions, startSurroundings } from './surroundings.ts';
