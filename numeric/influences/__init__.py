"""What single datapoints do along training, on a model; derives no diagram and draws no training set."""
