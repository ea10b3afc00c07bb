drop schema trivial cascade;
