import { failures } from './failures.js';

failures('sharded');
