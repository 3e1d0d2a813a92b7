import { matrix } from './matrix.js';

matrix('streams');
