import { live } from '../process/life.ts';
import { readServiceConfig } from './config.ts';
import { startService } from './start-service.ts';

const config = readServiceConfig(process.env);
const service = await startService(config);
live({ url: service.url, service: config.service, instance: config.instance, build: config.build }, () => service.close());
