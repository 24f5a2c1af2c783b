"""Looking into things: pictures of training and of what was learned."""
