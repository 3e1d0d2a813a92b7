import { failures } from './failures.js';

failures('redis');
