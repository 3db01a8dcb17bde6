export type { AppDoor } from './github/app-door.ts';
export { type NotifierParts, notifiers, secretOf } from './notifiers.ts';
export { type Notify, receiverKinds } from './notify.ts';
export { readNotify } from './read-notify.ts';
export { whoIsTold } from './who-is-told.ts';
