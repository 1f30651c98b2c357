"""Other volumes, in which nothing is drawn: adapting for them, annotated volumes laid over them, prediction."""
