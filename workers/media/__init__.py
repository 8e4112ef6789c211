"""What is done with a finished video: proof that it is whole, its last frame, its poster, its facts."""
