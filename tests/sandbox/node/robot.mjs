// A robot on the unmodified dingtalk-stream: `node robot.mjs CLIENT_ID CLIENT_SECRET`. It answers by webhook and on a
// card, and takes clicks and events. It knows nothing of the sandbox.
import axios from 'axios';
import { DWClient, EventAck, TOPIC_CARD, TOPIC_ROBOT } from 'dingtalk-stream';

const API = 'https://api.dingtalk.com/v1.0';
const TEMPLATE = '382e4302-551d-4880-bf29-a30acfab2e71.schema';

const [clientId, clientSecret] = process.argv.slice(2);
const client = new DWClient({ clientId, clientSecret, keepAlive: true });

async function card(method, path, data) {
  const headers = { 'x-acs-dingtalk-access-token': await client.getAccessToken() };
  return (await axios({ method, url: `${API}/card/${path}`, data, headers })).data;
}

async function answer(message) {
  const outTrackId = `node-${message.msgId.replace(/\W/g, '')}`;
  const text = `收到：${message.text.content.trim()}`;
  await axios.post(message.sessionWebhook, { msgtype: 'text', text: { content: text } });
  await card('post', 'instances/createAndDeliver', {
    outTrackId,
    cardTemplateId: TEMPLATE,
    callbackType: 'STREAM',
    cardData: { cardParamMap: { flowStatus: '1', msgTitle: '回答' } },
    openSpaceId: `dtv1.card//IM_ROBOT.${message.senderStaffId}`,
    imRobotOpenSpaceModel: { supportForward: true },
    imRobotOpenDeliverModel: { spaceType: 'IM_ROBOT' },
  });
  const update = { outTrackId, key: 'msgContent', isFull: true };
  await card('put', 'streaming', { ...update, guid: `${outTrackId}-1`, content: '第一段', isFinalize: false });
  await card('put', 'streaming', { ...update, guid: `${outTrackId}-2`, content: '第一段，完', isFinalize: true });
}

client
  .registerCallbackListener(TOPIC_ROBOT, async (frame) => {
    await answer(JSON.parse(frame.data));
    client.socketCallBackResponse(frame.headers.messageId, null);
  })
  .registerCallbackListener(TOPIC_CARD, (frame) => {
    const [button] = JSON.parse(JSON.parse(frame.data).content).cardPrivateData.actionIds;
    client.socketCallBackResponse(frame.headers.messageId, { cardData: { cardParamMap: { msgTitle: button } } });
  })
  .registerAllEventListener((frame) =>
    frame.headers.eventType === 'not_now' ? { status: EventAck.LATER } : { status: EventAck.SUCCESS },
  );
client.connect();
