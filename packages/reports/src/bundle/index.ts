export { keyIdOf, opened, sealed } from './envelope.ts';
export { type Bundle, bundleOf, statementOf } from './statement.ts';
