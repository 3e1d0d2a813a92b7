import { failures } from './failures.js';

failures('postgres');
