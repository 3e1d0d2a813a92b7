import { matrix } from './matrix.js';

matrix('postgres');
