import { failures } from './failures.js';

failures('streams');
