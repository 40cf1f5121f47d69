"""Where lines go: a file, standard output, a bounded queue before either; rotation."""
