"""What commands share: options, requests, files, signs of work; knows no command."""
