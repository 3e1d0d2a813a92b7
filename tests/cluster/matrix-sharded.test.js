import { matrix } from './matrix.js';

matrix('sharded');
