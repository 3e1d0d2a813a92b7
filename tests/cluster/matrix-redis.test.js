import { matrix } from './matrix.js';

matrix('redis');
