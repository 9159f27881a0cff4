// Sends what a robot on dingtalk-stream calls to the sandbox; the robot's own code stays as it is:
// DINGTALK_OPENAPI_ENDPOINT=http://127.0.0.1:8080 node --import ./to-sandbox.mjs robot.mjs
import axios from 'axios';

const sandbox = process.env.DINGTALK_OPENAPI_ENDPOINT;

axios.interceptors.request.use((call) => {
  call.url = call.url.replace(/^https:\/\/o?api\.dingtalk\.com/, sandbox);
  return call;
});
