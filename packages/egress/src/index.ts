export { type Answer, type Egress, type EgressOptions, egress, type Outgoing } from './egress.ts';
