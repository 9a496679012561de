exec "$program" @ARGUMENTS@ "$@"
